"""Ablation: the LLaMA layer in front of the first block.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_head_100e_in1k.py 4 --amp

The tokens are then little more than patches and positions.
Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 72.66, against 75.84 at the tail (*paper*, table D).
"""
_base_ = ['./vit_s_llama_middle_100e_in1k.py']
model = dict(backbone=dict(position='head'))
