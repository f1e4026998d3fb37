"""Variant: the mapped tokens are added to what the block makes of them.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_residual_in_in1k.py 4 --amp

arXiv 2403.17343 (R-LLM, medical images).
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(residual='in')))
