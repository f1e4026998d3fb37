# scikit-learn's handwritten digits, 1,400 / 397, drawn up from 8x8 to 16x16.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=10,
    mean=[78.0] * 3,
    std=[96.0] * 3,
    to_rgb=False)

train_pipeline = [
    dict(type='mmpretrain.Resize', scale=16, interpolation='bicubic'),
    dict(
        type='mmpretrain.RandomCrop',
        crop_size=16,
        padding=1,
        pad_val=0),
    dict(
        type='mmpretrain.Rotate',
        magnitude_range=(0., 10.),
        random_negative_prob=0.5,
        prob=0.5,
        pad_val=0),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='mmpretrain.Resize', scale=16, interpolation='bicubic'),
    dict(type='mmpretrain.PackInputs'),
]

# No workers: the images are in memory, and one process is as fast here.
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.Digits', split='train', pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=397,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='lm4ve_mm.Digits', split='test', pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='mmpretrain.Accuracy', topk=(1, ))
test_evaluator = val_evaluator
