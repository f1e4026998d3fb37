"""Ablation: the last two layers of LLaMA-7B instead of the last one.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_two_blocks_100e_in1k.py 4 --amp

Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 77.10, against 75.84 with one (*paper*, table D).
"""
_base_ = './vit_s_llama_100e_in1k.py'
model = dict(neck=dict(llm=dict(layers=(30, 31))))
