"""Variant: maps start as torch starts a linear layer.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_default_init_in1k.py 4 --amp

What the paper's code does for video and points, but not for images.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(map_init='default')))
