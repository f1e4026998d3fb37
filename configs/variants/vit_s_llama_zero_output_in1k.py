"""Variant: the map out starts at zero, beside a residual.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_zero_output_in1k.py 4 --amp

The model starts as plain ViT-S and lets the block in by and by.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
# Without the residual no gradient would reach the host at the start.
model = dict(neck=dict(llm=dict(map_init='zero_output', residual='out')))
