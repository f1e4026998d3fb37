"""ViT-S/16 for 100 epochs: the baseline of the ablations.

    bash tools/dist_train.sh configs/variants/vit_s_100e_in1k.py 4 --amp

Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 75.3 (*paper*, table A; 75.32 in table D, 75.25 in table C).
"""
_base_ = [
    '../_base_/hosts/vit_s16.py', '../_base_/datasets/imagenet_deit.py',
    '../_base_/schedules/deit_100e.py', '../_base_/runtime_in1k.py'
]
