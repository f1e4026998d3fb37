# Five classes of generated images (800 / 200) of 64x64 pixels: shapes on
# photographs. They are generated in seconds when they are first needed.
train_pipeline = [
    dict(type='mmengine.LoadImageFromFile'),
    dict(type='mmseg.LoadAnnotations'),
    dict(type='mmengine.RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
test_pipeline = [
    dict(type='mmengine.LoadImageFromFile'),
    dict(type='mmseg.LoadAnnotations'),
    dict(type='mmseg.PackSegInputs'),
]

# No workers: a file takes a millisecond to read.
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.PhotoShapes',
        split='train',
        data_root='data/photo_shapes',
        count=800,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=50,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='lm4ve_mm.PhotoShapes',
        split='val',
        data_root='data/photo_shapes',
        count=200,
        pipeline=test_pipeline,
        test_mode=True),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
