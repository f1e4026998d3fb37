# A ViT of width 96 with 2 blocks, for 64x64 images: 64 patches.
model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='lm4ve_mm.DeiTVisionTransformer',
        arch=dict(
            embed_dims=96,
            num_layers=2,
            num_heads=3,
            feedforward_channels=288),
        img_size=64,
        patch_size=8,
        pos_embed_std=0.5,
        cls_token_std=0.02,
        # The neck owns the final norm, because the block comes before it.
        out_type='raw',
        final_norm=False),
    head=dict(
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=10,
        in_channels=96,
        init_cfg=dict(type='mmengine.TruncNormal', layer='Linear', std=.02),
        loss=dict(type='mmpretrain.CrossEntropyLoss')))
