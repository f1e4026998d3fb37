# Argoverse 1 Motion Forecasting v1.1 (205942 / 39472), 32 scenes per
# process. Scenes are read as they were downloaded; with cache='FOLDER' in the
# data sets they are turned into arrays once.
featuriser = dict(type='lm4ve_mm.VectorNetFeatures')
train_pipeline = [dict(type='lm4ve_mm.PackScene')]
test_pipeline = [dict(type='lm4ve_mm.PackScene')]

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    # Fresh workers each epoch: see lm4ve_mm.EpochSeedHook.
    persistent_workers=False,
    drop_last=True,
    collate_fn=dict(type='mmengine.pseudo_collate'),
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.Argoverse1',
        split='train',
        data_root='data/argoverse1',
        map_root='data/argoverse1/map_files',
        cache=None,
        featuriser=featuriser,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=False,
    collate_fn=dict(type='mmengine.pseudo_collate'),
    dataset=dict(
        type='lm4ve_mm.Argoverse1',
        split='val',
        data_root='data/argoverse1',
        map_root='data/argoverse1/map_files',
        cache=None,
        featuriser=featuriser,
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader

# The official metrics: ADE is that of the guess with the best end point.
val_evaluator = dict(
    type='lm4ve_mm.ForecastMetric',
    num_guesses=(1, 6),
    miss_threshold=2.0,
    ade_of='best_fde',
    map_root='data/argoverse1/map_files')
test_evaluator = val_evaluator
