# ViT-B/16: ViT-S/16 of another width.
_base_ = './vit_s16.py'
model = dict(
    backbone=dict(arch='deit-base'), head=dict(in_channels=768))
