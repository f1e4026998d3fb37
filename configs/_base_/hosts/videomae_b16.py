# VideoMAE's ViT-B/16: ViT-S/16 of another width.
_base_ = './videomae_s16.py'
model = dict(
    backbone=dict(
        embed_dims=768,
        num_heads=12,
        init_cfg=dict(checkpoint='checkpoints/videomae_ssv2_vitb.pth')),
    cls_head=dict(in_channels=768))
