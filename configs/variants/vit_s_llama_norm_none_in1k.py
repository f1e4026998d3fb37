"""Variant: no norm between the block and the map out.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_norm_none_in1k.py 4 --amp

Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(final_norm='none')))
