"""Variant: the rotary phase that LLaMA was trained with.

    bash tools/dist_train.sh configs/variants/vit_s_llama_rope_in1k.py 4 --amp

Positions are 0 for the class token, then patches row by row. The paper
leaves the phase out (section 3).
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(rope=True)))
