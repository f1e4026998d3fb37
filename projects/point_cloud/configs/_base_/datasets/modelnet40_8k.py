# ModelNet40, 8192 of 8192 points.
_base_ = './modelnet40_1k.py'
data_preprocessor = dict(num_points=8192)

sample = dict(type='lm4ve_mm.FarthestPointSample', num_points=8192)
pool = dict(sample, pool=True)
train_pipeline = [
    dict(type='lm4ve_mm.NormalizeCloud'),
    dict(type='lm4ve_mm.ShufflePoints'), pool,
    dict(type='lm4ve_mm.PackPoints')
]
test_pipeline = [
    dict(type='lm4ve_mm.NormalizeCloud'), sample,
    dict(type='lm4ve_mm.PackPoints')
]
tta_pipeline = [
    dict(type='lm4ve_mm.NormalizeCloud'), pool,
    dict(type='lm4ve_mm.PackPoints')
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
