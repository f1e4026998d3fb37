# SQA3D v1 (26623 / 3261 / 3519 questions), scenes of ScanNet v2 as
# tools/prepare_scannet.py makes them, 16 questions per process.
test_pipeline = [
    dict(type='lm4ve_mm.SampleScene', num_points=40_000, seed=0),
    dict(
        type='lm4ve_mm.EmbedTexts',
        word_vectors='data/glove/glove.840B.300d.txt'),
    dict(type='lm4ve_mm.PackSituatedQA', color_mode='normal'),
]
train_pipeline = [
    dict(type='lm4ve_mm.SampleScene', num_points=40_000),
    dict(type='lm4ve_mm.AugmentScene'),
    dict(type='lm4ve_mm.DetectionTargets'),
    dict(
        type='lm4ve_mm.EmbedTexts',
        word_vectors='data/glove/glove.840B.300d.txt'),
    dict(type='lm4ve_mm.PackSituatedQA', color_mode='normal'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    # Fresh workers each epoch: see lm4ve_mm.EpochSeedHook.
    persistent_workers=False,
    collate_fn=dict(type='mmengine.default_collate'),
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.SQA3D',
        split='train',
        data_root='data/sqa3d',
        answer_counts='sqa_task/answer_counter.json',
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=False,
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='lm4ve_mm.SQA3D',
        split='val',
        data_root='data/sqa3d',
        answer_counts='sqa_task/answer_counter.json',
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
# Selected on val; the number on test is reported once.
test_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=False,
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='lm4ve_mm.SQA3D',
        split='test',
        data_root='data/sqa3d',
        answer_counts='sqa_task/answer_counter.json',
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
val_evaluator = dict(type='lm4ve_mm.SituatedQAAccuracy', unknown='reference')
test_evaluator = dict(type='lm4ve_mm.SituatedQAAccuracy', unknown='reference')
