# A folder of images, data_root/{train,val}/CLASS/*.jpg. What depends on the
# folder or on img_size is left open (0, '', None): lm4ve_mm.FineTuningRunner
# fills it in.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=0,
    mean=None,
    std=None,
    to_rgb=True)

train_pipeline = [
    dict(type='lm4ve_mm.LoadAnyImage'),
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=None,
        crop_ratio_range=(0.35, 1.0),
        backend='pillow',
        interpolation='bicubic'),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='lm4ve_mm.LoadAnyImage'),
    dict(
        type='mmpretrain.ResizeEdge',
        scale=None,
        edge='short',
        backend='pillow',
        interpolation='bicubic'),
    dict(type='mmpretrain.CenterCrop', crop_size=None),
    dict(type='mmpretrain.PackInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    # Fresh workers each epoch: see lm4ve_mm.EpochSeedHook.
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='lm4ve_mm.ImageFolder',
        data_root='',
        data_prefix='train',
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=False,
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='lm4ve_mm.ImageFolder',
        data_root='',
        data_prefix='val',
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
# Fewer where there are fewer classes.
val_evaluator = dict(type='mmpretrain.Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
