# ImageNet-1k with DeiT's augmentations, 256 images per GPU.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=1000,
    # RGB, in units of 0..255
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True)

# The transforms see BGR images.
bgr_mean = data_preprocessor['mean'][::-1]
bgr_std = data_preprocessor['std'][::-1]
# As DeiT reads ImageNet: not turned by EXIF, CMYK as Pillow converts it.
load_image = dict(
    type='lm4ve_mm.LoadNamedImage',
    imdecode_backend='pillow',
    color_type='color_ignore_orientation')

# DeiT's argument list also has colour jitter 0.4, but timm leaves it out
# when an auto-augment policy is given (data/transforms_factory.py).
train_pipeline = [
    load_image,
    dict(
        type='mmpretrain.RandomResizedCrop',
        scale=224,
        backend='pillow',
        interpolation='bicubic'),
    dict(type='mmpretrain.RandomFlip', prob=0.5, direction='horizontal'),
    # rand-m9-mstd0.5-inc1
    dict(
        type='mmpretrain.RandAugment',
        policies='timm_increasing',
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(
            pad_val=[round(x) for x in bgr_mean], interpolation='bicubic')),
    dict(
        type='mmpretrain.RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        # The noise is truncated to whole levels: half a level more rounds it.
        fill_color=[x + 0.5 for x in bgr_mean],
        fill_std=bgr_std),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    load_image,
    dict(
        type='mmpretrain.ResizeEdge',
        scale=256,
        edge='short',
        backend='pillow',
        interpolation='bicubic'),
    dict(type='mmpretrain.CenterCrop', crop_size=224),
    dict(type='mmpretrain.PackInputs'),
]

train_dataloader = dict(
    batch_size=256,
    num_workers=10,
    # Fresh workers each epoch: see lm4ve_mm.EpochSeedHook.
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    pin_memory=True,
    collate_fn=dict(type='mmengine.default_collate'),
    # The sampler yields ceil(N / world) images per rank and DeiT's floors to
    # a multiple of 256; dropping the rest makes both 1251 steps on 4 GPUs.
    drop_last=True,
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root='data/imagenet',
        split='train',
        pipeline=train_pipeline),
    sampler=dict(
        type='mmpretrain.RepeatAugSampler', shuffle=True, num_repeats=3))
val_dataloader = dict(
    batch_size=256,
    num_workers=10,
    persistent_workers=False,
    pin_memory=True,
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root='data/imagenet',
        split='val',
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='mmpretrain.Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
