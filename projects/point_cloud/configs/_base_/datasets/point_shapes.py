# Fifteen generated solids (1500 / 450), 256 of 512 points; they are built in
# seconds when they are first needed.
data_preprocessor = dict(
    type='lm4ve_mm.PointCloudPreprocessor',
    num_points=256,
    # Milder than Point-BERT's, which makes other solids of these.
    scale=(0.8, 1.25),
    shift=0.05)

train_pipeline = [
    dict(type='lm4ve_mm.ShufflePoints'),
    dict(type='lm4ve_mm.FarthestPointSample', num_points=256, pool=True),
    dict(type='lm4ve_mm.PackPoints'),
]
test_pipeline = [
    dict(type='lm4ve_mm.FarthestPointSample', num_points=256),
    dict(type='lm4ve_mm.PackPoints'),
]
tta_pipeline = [
    dict(type='lm4ve_mm.FarthestPointSample', num_points=256, pool=True),
    dict(type='lm4ve_mm.PackPoints'),
]

# No workers: sampling takes a millisecond a cloud.
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.PointShapes',
        split='train',
        data_root='data/point_shapes',
        count=1500,
        num_points=512,
        rotation='upright',
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=50,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        type='lm4ve_mm.PointShapes',
        split='test',
        data_root='data/point_shapes',
        count=450,
        num_points=512,
        rotation='upright',
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='lm4ve_mm.VoteAccuracy', topk=(1, ))
test_evaluator = val_evaluator
