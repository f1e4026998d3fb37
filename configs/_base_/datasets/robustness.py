# ImageNet's test set and its variants in one test: table 1 of the paper, V2.
# A set that is not there is an error; a child config leaves it out.
pack = dict(
    type='mmpretrain.PackInputs',
    meta_keys=('sample_idx', 'img_path', 'group'))
# As the paper's code reads them: not turned by EXIF, CMYK by Pillow.
load = dict(
    type='lm4ve_mm.LoadNamedImage',
    imdecode_backend='pillow',
    color_type='color_ignore_orientation')
crop = dict(type='mmpretrain.CenterCrop', crop_size=224)
pipeline = [
    load,
    dict(
        type='mmpretrain.ResizeEdge',
        scale=256,
        edge='short',
        backend='pillow',
        interpolation='bicubic'), crop, pack
]
# ImageNet-C is published in 224x224: resizing it again changes the results.
c_pipeline = [load, crop, pack]

# A child says test_dataloader = {{_base_.robustness_dataloader}}.
robustness_dataloader = dict(
    _delete_=True,
    batch_size=256,
    num_workers=10,
    persistent_workers=False,
    pin_memory=True,
    collate_fn=dict(type='mmengine.default_collate'),
    dataset=dict(
        type='mmengine.ConcatDataset',
        datasets=[
            dict(
                type='lm4ve_mm.ImageNetVariant',
                variant='imagenet',
                data_root='data/imagenet/val',
                pipeline=pipeline),
            dict(
                type='lm4ve_mm.ImageNetC',
                data_root='data/imagenet-c',
                pipeline=c_pipeline),
            dict(
                type='lm4ve_mm.ImageNetVariant',
                variant='imagenet_a',
                data_root='data/imagenet-a',
                pipeline=pipeline),
            dict(
                type='lm4ve_mm.ImageNetVariant',
                variant='imagenet_sketch',
                data_root='data/imagenet-sketch',
                pipeline=pipeline),
            dict(
                type='lm4ve_mm.ImageNetVariant',
                variant='imagenet_r',
                data_root='data/imagenet-r',
                pipeline=pipeline),
            dict(
                type='lm4ve_mm.ImageNetVariant',
                variant='imagenet_v2',
                data_root='data/imagenetv2-matched-frequency-format-val',
                pipeline=pipeline),
        ]),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
robustness_evaluator = dict(
    _delete_=True, type='lm4ve_mm.RobustnessMetric')
