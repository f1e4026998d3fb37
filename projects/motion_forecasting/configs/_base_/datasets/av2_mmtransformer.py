# Argoverse 2 with mmTransformer's arrays.
_base_ = './av2_vectornet.py'
featuriser = dict(type='lm4ve_mm.MMTransformerFeatures', _delete_=True)
train_pipeline = [
    dict(type='lm4ve_mm.FlipScene', prob=0.5),
    dict(type='lm4ve_mm.PackScene')
]
train_dataloader = dict(
    dataset=dict(featuriser=featuriser, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(featuriser=featuriser))
test_dataloader = dict(dataset=dict(featuriser=featuriser))
