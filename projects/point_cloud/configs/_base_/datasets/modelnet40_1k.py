# ModelNet40 (9843 / 2468), 1024 of 8192 points, 32 clouds per process.
_base_ = './scanobjectnn_hardest.py'

train_pipeline = [
    dict(type='lm4ve_mm.NormalizeCloud'), *_base_.train_pipeline
]
test_pipeline = [dict(type='lm4ve_mm.NormalizeCloud'), *_base_.test_pipeline]
tta_pipeline = [dict(type='lm4ve_mm.NormalizeCloud'), *_base_.tta_pipeline]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='lm4ve_mm.ModelNet40',
        split='train',
        data_root='data/modelnet40_normal_resampled',
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='lm4ve_mm.ModelNet40',
        split='test',
        data_root='data/modelnet40_normal_resampled',
        pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(val_dataloader['dataset']))
