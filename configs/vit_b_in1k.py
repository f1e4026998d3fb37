"""ViT-B/16 on ImageNet-1k, the paper's baseline, from scratch.

    bash tools/dist_train.sh configs/vit_b_in1k.py 4 --amp

Hardware and time: 4 A100, 4 to 6 days (*paper*, for the +LLaMA runs).
Expected top-1: 80.6 (*paper*, table 1).
"""
_base_ = [
    './_base_/hosts/vit_b16.py', './_base_/datasets/imagenet_deit.py',
    './_base_/schedules/deit_300e.py', './_base_/runtime_in1k.py'
]
