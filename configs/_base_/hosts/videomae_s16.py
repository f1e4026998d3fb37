# VideoMAE's ViT-S/16 on 16 frames of 224x224 in tubes of 2: 8 x 14 x 14
# tokens, no class token, fixed sine-cosine positions, mean pooling.
model = dict(
    type='mmaction.Recognizer3D',
    backbone=dict(
        type='mmaction.VisionTransformer',
        img_size=224,
        patch_size=16,
        embed_dims=384,
        depth=12,
        num_heads=6,
        num_frames=16,
        tubelet_size=2,
        drop_path_rate=0.1,
        # Read when training starts, not when it resumes. From chance:
        # --cfg-options model.backbone.init_cfg.checkpoint=None
        init_cfg=dict(
            type='lm4ve_mm.StrictPretrained',
            checkpoint='checkpoints/videomae_ssv2_vits.pth')),
    cls_head=dict(
        type='lm4ve_mm.VideoMAEHead',
        num_classes=174,
        in_channels=384,
        init_scale=0.001,
        # Smooths the soft targets of mixup, whose cross entropy this is.
        label_smooth_eps=0.1,
        average_clips='prob'),
    # Views that go through the model at once; needs test batches of one.
    test_cfg=dict(max_testing_views=3))
