# A VideoMAE ViT of DeiT-tiny's width and 4 blocks, from scratch, for clips of
# 8 frames of 32x32: 4 x 4 x 4 tokens.
model = dict(
    type='mmaction.Recognizer3D',
    backbone=dict(
        type='mmaction.VisionTransformer',
        img_size=32,
        patch_size=8,
        embed_dims=192,
        depth=4,
        num_heads=3,
        num_frames=8,
        tubelet_size=2,
        drop_path_rate=0.1),
    cls_head=dict(
        type='mmaction.TimeSformerHead',
        num_classes=6,
        in_channels=192,
        topk=(1, ),
        label_smooth_eps=0.1,
        average_clips='prob'))
