# Argoverse 2 Motion Forecasting (199908 / 24988), 32 scenarios per process.
_base_ = './av1_vectornet.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='lm4ve_mm.Argoverse2',
        split='train',
        data_root='data/argoverse2',
        with_map=True,
        cache=None,
        featuriser=_base_.featuriser,
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='lm4ve_mm.Argoverse2',
        split='val',
        data_root='data/argoverse2',
        with_map=True,
        cache=None,
        featuriser=_base_.featuriser,
        pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(val_dataloader['dataset']))
# Argoverse 2 has no DAC.
val_evaluator = dict(map_root=None)
test_evaluator = dict(map_root=None)
