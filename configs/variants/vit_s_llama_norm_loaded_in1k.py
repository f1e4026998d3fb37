"""Variant: the final norm with LLaMA's own weight.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_norm_loaded_in1k.py 4 --amp

The paper's code never loads it: there its weight is one.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(final_norm='loaded')))
