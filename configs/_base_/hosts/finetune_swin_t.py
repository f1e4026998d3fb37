# A pretrained Swin-T with the block between its last stage and its final
# norm. Every token is read there, so that a neck would save nothing.
model = dict(
    type='lm4ve_mm.FolderClassifier',
    backbone=dict(
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(
            type='mmpretrain.SwinTransformer',
            arch='tiny',
            img_size=None,
            drop_path_rate=0.1,
            pad_small_map=True),
        in_channels=768,
        insert_after='stages.3',
        output_index=0,
        llm=dict(),
        init_cfg=dict(
            type='lm4ve_mm.StrictPretrained',
            checkpoint='checkpoints/swin_tiny_patch4_window7_224',
            obtain='hf download timm/swin_tiny_patch4_window7_224.ms_in1k '
            '--local-dir checkpoints/swin_tiny_patch4_window7_224')),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(
        type='mmpretrain.LinearClsHead',
        num_classes=0,
        in_channels=768,
        init_cfg=dict(
            type='mmengine.TruncNormal', layer='Linear', std=.02, bias=0.)))
