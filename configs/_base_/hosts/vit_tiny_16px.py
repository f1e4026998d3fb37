# A ViT of DeiT-tiny's width and 4 blocks, for 16x16 images: 16 patches.
model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='lm4ve_mm.DeiTVisionTransformer',
        arch=dict(
            embed_dims=192,
            num_layers=4,
            num_heads=3,
            feedforward_channels=768),
        img_size=16,
        patch_size=4,
        pos_embed_std=0.5,
        cls_token_std=0.02,
        drop_path_rate=0.1),
    neck=None,
    head=dict(
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=10,
        in_channels=192,
        init_cfg=dict(type='mmengine.TruncNormal', layer='Linear', std=.02),
        loss=dict(
            type='mmpretrain.LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original')))
