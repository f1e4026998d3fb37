"""Variant: a token sees only itself and earlier ones.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_causal_in1k.py 4 --amp

Patches are in rows from the top left. The paper drops the mask (section 3).
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
# Under a causal mask the class token, which is first, would see itself only.
model = dict(neck=dict(pooling='mean', llm=dict(causal=True)))
