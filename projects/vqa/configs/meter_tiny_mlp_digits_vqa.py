"""Control: GELU and LayerNorm in the block's place, on digits.

    python tools/train.py projects/vqa/configs/meter_tiny_mlp_digits_vqa.py

Accuracy on the 2,776 test questions: 92.90 (*measured here*, seed 0).
"""
_base_ = ['./meter_tiny_minilm_digits_vqa.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
