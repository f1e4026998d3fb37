# A small Point-BERT without pretraining: 256 points in 16 groups of 32.
model = dict(
    type='lm4ve_mm.PointCloudClassifier',
    backbone=dict(
        type='lm4ve_mm.PointBERT',
        num_groups=16,
        group_size=32,
        embed_dims=128,
        num_layers=2,
        num_heads=4,
        feedforward_channels=256,
        encoder_dims=128,
        encoder_hidden=(64, 64, 64),
        drop_path_rate=0.),
    neck=dict(
        type='lm4ve_mm.TokenPoolingNeck',
        in_channels=128,
        pooling='cls_max',
        norm_cfg=dict(type='mmengine.LN', eps=1e-5)),
    head=dict(
        type='lm4ve_mm.PointBERTHead',
        in_channels=256,
        num_classes=15,
        num_outputs=15,
        dropout=0.2))
tta_model = dict(type='lm4ve_mm.PointVoteTTA', num_votes=10, num_runs=9)
