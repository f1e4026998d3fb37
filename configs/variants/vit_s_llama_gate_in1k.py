"""Variant: the layer gates the tokens, z * sigmoid(F(z)) + z.

    bash tools/dist_train.sh configs/variants/vit_s_llama_gate_in1k.py 4 --amp

The block only says how much of each channel passes.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(gate=True, residual='out')))
