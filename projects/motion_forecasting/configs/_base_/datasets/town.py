# A generated town (1500 / 400 / 400 scenes) in Argoverse 1's files; they are
# made when they are first needed. Settings are chosen on val; test, which is
# of other cars, is for the figures that are reported.
_base_ = './av1_vectornet.py'
# A heading over half a second: the noise of one step would turn the scene.
featuriser = dict(
    type='lm4ve_mm.VectorNetFeatures',
    reach=60.,
    zero_first_delta=True,
    heading_steps=5)
town = dict(
    _delete_=True,
    type='lm4ve_mm.Town',
    data_root='data/town',
    train=1500,
    val=400,
    test=400,
    cache='data/town_cache',
    featuriser=featuriser,
    pipeline=[dict(type='lm4ve_mm.PackScene')])
# No workers: a cached scene takes less than a millisecond.
train_dataloader = dict(
    num_workers=0,
    dataset=dict(
        town,
        split='train',
        pipeline=[
            dict(type='lm4ve_mm.FlipScene', layout='vectornet'),
            dict(type='lm4ve_mm.PackScene')
        ]))
val_dataloader = dict(num_workers=0, dataset=dict(town, split='val'))
test_dataloader = dict(num_workers=0, dataset=dict(town, split='test'))
val_evaluator = dict(map_root='data/town/map_files')
test_evaluator = dict(map_root='data/town/map_files')
del town
