# Point-BERT, pretrained on ShapeNet: 1024 points in 64 groups of 32.
model = dict(
    type='lm4ve_mm.PointCloudClassifier',
    pretrained='checkpoints/Point-BERT.pth',
    backbone=dict(
        type='lm4ve_mm.PointBERT',
        num_groups=64,
        group_size=32,
        embed_dims=384,
        num_layers=12,
        num_heads=6,
        feedforward_channels=1536,
        drop_path_rate=0.1),
    # The neck owns the final norm, because a block comes before it.
    neck=dict(
        type='lm4ve_mm.TokenPoolingNeck',
        in_channels=384,
        pooling='cls_max',
        norm_cfg=dict(type='mmengine.LN', eps=1e-5)),
    head=dict(
        type='lm4ve_mm.PointBERTHead',
        in_channels=768,
        num_classes=15,
        # For 15 classes too, as in the published weights.
        num_outputs=40))
# For tools/test.py --tta: nine runs of ten votes.
tta_model = dict(type='lm4ve_mm.PointVoteTTA', num_votes=10, num_runs=9)
