# 2,000 real scenes of Argoverse 1 without a map, to be found in one of the
# public repositories that the README names: those of the 1,600 lowest ids
# train, the others test. They lie in data/argoverse1_sample/train/data.
_base_ = './av1_vectornet.py'
# A heading over half a second: the noise of one step would turn the scene.
featuriser = dict(
    type='lm4ve_mm.VectorNetFeatures',
    reach=60.,
    zero_first_delta=True,
    heading_steps=5)
sample = dict(
    data_root='data/argoverse1_sample',
    map_root=None,
    cache='data/argoverse1_sample_cache',
    featuriser=featuriser)
train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        sample,
        split='train',
        scenes=(0, 1600),
        pipeline=[
            dict(type='lm4ve_mm.FlipScene', layout='vectornet'),
            dict(type='lm4ve_mm.PackScene')
        ]))
val_dataloader = dict(
    num_workers=0, dataset=dict(sample, split='train', scenes=(1600, 2000)))
test_dataloader = dict(
    num_workers=0, dataset=dict(sample, split='train', scenes=(1600, 2000)))
val_evaluator = dict(map_root=None)
test_evaluator = dict(map_root=None)
del sample
