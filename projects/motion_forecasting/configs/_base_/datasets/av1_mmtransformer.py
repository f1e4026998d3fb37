# Argoverse 1 with mmTransformer's arrays; scenes are mirrored in training,
# as in its paper. Masking the history, which it also has, is left off.
_base_ = './av1_vectornet.py'
featuriser = dict(type='lm4ve_mm.MMTransformerFeatures', _delete_=True)
train_pipeline = [
    dict(type='lm4ve_mm.FlipScene', prob=0.5),
    dict(type='lm4ve_mm.PackScene')
]
train_dataloader = dict(
    dataset=dict(featuriser=featuriser, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(featuriser=featuriser))
test_dataloader = dict(dataset=dict(featuriser=featuriser))
