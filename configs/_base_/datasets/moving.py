# Six classes of generated mp4 files (1200 / 180) that only motion tells
# apart; 8 of their 16 frames, at half their 64x64 pixels. They are generated
# in half a minute when they are first needed.
data_preprocessor = dict(
    type='mmaction.ActionDataPreprocessor',
    mean=[127.5] * 3,
    std=[64.0] * 3,
    format_shape='NCTHW')

# No flip: it would turn left into right.
train_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='lm4ve_mm.SampleSegments', clip_len=8),
    dict(type='lm4ve_mm.VideoDecode'),
    dict(type='mmaction.Resize', scale=(32, 32), keep_ratio=False),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    dict(type='mmaction.PackActionInputs'),
]
test_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='lm4ve_mm.SampleSegments', clip_len=8, test_mode=True),
    dict(type='lm4ve_mm.VideoDecode'),
    dict(type='mmaction.Resize', scale=(32, 32), keep_ratio=False),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    # The names are for tools/test.py --results.
    dict(
        type='mmaction.PackActionInputs',
        meta_keys=('img_shape', 'filename', 'sample_idx')),
]

# No workers: decoding takes a few milliseconds a clip.
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.MovingShapes',
        split='train',
        data_root='data/moving_shapes',
        count=1200,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=60,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='lm4ve_mm.MovingShapes',
        split='test',
        data_root='data/moving_shapes',
        count=180,
        pipeline=test_pipeline,
        test_mode=True),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='mmaction.AccMetric',
    metric_list=('top_k_accuracy', ),
    metric_options=dict(top_k_accuracy=dict(topk=(1, ))))
test_evaluator = val_evaluator
