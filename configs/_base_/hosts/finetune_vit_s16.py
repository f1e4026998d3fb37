# A pretrained ViT-S/16 with the block before its final norm, which the neck
# owns. Another size: arch, and in_channels of neck and head.
model = dict(
    type='lm4ve_mm.FolderClassifier',
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='deit-small',
        img_size=None,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='raw',
        final_norm=False,
        init_cfg=dict(
            type='lm4ve_mm.StrictPretrained',
            checkpoint='checkpoints/vit_small_patch16_224',
            obtain='hf download timm/vit_small_patch16_224.augreg_in21k_'
            'ft_in1k --local-dir checkpoints/vit_small_patch16_224')),
    neck=dict(
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=384,
        llm=dict()),
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=0,
        in_channels=384,
        init_cfg=dict(
            type='mmengine.TruncNormal', layer='Linear', std=.02, bias=0.)))
