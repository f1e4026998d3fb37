# Something-Something-v2 with VideoMAE's augmentations, mp4 files of height
# 240 listed in train.csv and val.csv (tools/dataset_converters/ssv2.py).
data_preprocessor = dict(
    type='mmaction.ActionDataPreprocessor',
    # RGB, in units of 0..255
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    format_shape='NCTHW',
    # One of the two for each batch; the head smooths the mixed labels.
    blending=dict(
        type='mmaction.RandomBatchAugment',
        augments=[
            dict(type='mmaction.MixupBlending', alpha=0.8, num_classes=174),
            dict(type='mmaction.CutmixBlending', alpha=1.0, num_classes=174)
        ],
        probs=[0.5, 0.5]))

train_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='lm4ve_mm.SampleSegments', clip_len=16),
    dict(type='lm4ve_mm.VideoDecode'),
    # rand-m7-n4-mstd0.5-inc1, alike for all frames of a clip
    dict(
        type='lm4ve_mm.ClipRandAugment',
        policies='timm_increasing',
        num_policies=4,
        total_level=10,
        magnitude_level=7,
        magnitude_std=0.5,
        hparams=dict(pad_val=128, interpolation='bicubic')),
    dict(
        type='mmaction.RandomResizedCrop',
        area_range=(0.08, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3)),
    dict(type='mmaction.Resize', scale=(224, 224), keep_ratio=False),
    # No flip: left and right make other classes here.
    # Noise of the normalised frames, which this sees in units of 0..255.
    dict(
        type='mmaction.RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        # It truncates them to whole levels: half a level more rounds them.
        fill_color=[x + 0.5 for x in data_preprocessor['mean']],
        fill_std=data_preprocessor['std']),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    dict(type='mmaction.PackActionInputs'),
]
val_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='lm4ve_mm.SampleSegments', clip_len=16, test_mode=True),
    dict(type='lm4ve_mm.VideoDecode'),
    dict(type='lm4ve_mm.ResizeShortSide', size=224),
    dict(type='mmaction.CenterCrop', crop_size=224),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    dict(type='mmaction.PackActionInputs'),
]
# 2 segments x 3 crops, whose probabilities the head averages.
test_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(
        type='lm4ve_mm.SampleSegments',
        clip_len=16,
        num_clips=2,
        test_mode=True),
    dict(type='lm4ve_mm.VideoDecode'),
    dict(type='lm4ve_mm.ResizeShortSide', size=224),
    dict(type='mmaction.ThreeCrop', crop_size=224),
    dict(type='mmaction.FormatShape', input_format='NCTHW'),
    # The names are for tools/test.py --results.
    dict(
        type='mmaction.PackActionInputs',
        meta_keys=('img_shape', 'filename', 'sample_idx')),
]

train_dataloader = dict(
    batch_size=6,
    num_workers=10,
    # Fresh workers each epoch: see lm4ve_mm.EpochSeedHook.
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    pin_memory=True,
    drop_last=True,
    # Two samples of each video, which the batch size does not count.
    collate_fn=dict(type='mmengine.repeat_pseudo_collate'),
    dataset=dict(
        type='lm4ve_mm.VideoClips',
        data_root='data/ssv2',
        ann_file='train.csv',
        data_prefix=dict(video='videos'),
        num_classes=174,
        num_repeats=2,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
# One video at a time, in validation and testing: see max_testing_views.
val_dataloader = dict(
    batch_size=1,
    num_workers=10,
    persistent_workers=False,
    pin_memory=True,
    dataset=dict(
        type='lm4ve_mm.VideoClips',
        data_root='data/ssv2',
        ann_file='val.csv',
        data_prefix=dict(video='videos'),
        num_classes=174,
        pipeline=val_pipeline,
        test_mode=True),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
# One video, that is six views, at a time.
test_dataloader = dict(
    batch_size=1,
    num_workers=10,
    persistent_workers=False,
    pin_memory=True,
    dataset=dict(
        type='lm4ve_mm.VideoClips',
        data_root='data/ssv2',
        ann_file='val.csv',
        data_prefix=dict(video='videos'),
        num_classes=174,
        pipeline=test_pipeline,
        test_mode=True),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
val_evaluator = dict(
    type='mmaction.AccMetric',
    metric_list=('top_k_accuracy', ),
    metric_options=dict(top_k_accuracy=dict(topk=(1, 5))))
test_evaluator = val_evaluator
