"""Variant: maps with a bias.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_map_bias_in1k.py 4 --amp

As in arXiv 2506.18034 (LLM4Seg); the paper has none.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(map_bias=True)))
