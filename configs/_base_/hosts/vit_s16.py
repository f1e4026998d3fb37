# ViT-S/16 at 224x224, trained from scratch with DeiT's regularisation.
model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='lm4ve_mm.DeiTVisionTransformer',
        arch='deit-small',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1),
    neck=None,
    head=dict(
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=1000,
        in_channels=384,
        # The paper's code starts the head like any other linear layer;
        # mmpretrain would start it at zero.
        init_cfg=dict(
            type='mmengine.TruncNormal', layer='Linear', std=.02, bias=0.),
        # Smooths the soft targets of mixup, whose cross entropy this is.
        loss=dict(
            type='mmpretrain.LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original')),
    init_cfg=[
        dict(type='mmengine.TruncNormal', layer='Linear', std=.02, bias=0.),
        dict(type='mmengine.Constant', layer='LayerNorm', val=1., bias=0.),
    ],
    # One of the two for every batch, each half of the time.
    train_cfg=dict(augments=[
        dict(type='mmpretrain.Mixup', alpha=0.8),
        dict(type='mmpretrain.CutMix', alpha=1.0)
    ]))
