# A pretrained ConvNeXt-T with the block between its last stage and its
# pooling, which the final norm comes after.
model = dict(
    type='lm4ve_mm.FolderClassifier',
    backbone=dict(
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(
            type='mmpretrain.ConvNeXt', arch='tiny', drop_path_rate=0.1),
        in_channels=768,
        insert_after='stages.3',
        llm=dict(),
        init_cfg=dict(
            type='lm4ve_mm.StrictPretrained',
            checkpoint='checkpoints/convnext_tiny',
            obtain='hf download timm/convnext_tiny.in12k_ft_in1k --local-dir '
            'checkpoints/convnext_tiny')),
    neck=None,
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=0,
        in_channels=768,
        init_cfg=dict(
            type='mmengine.TruncNormal', layer='Linear', std=.02, bias=0.)))
