"""Control: GELU and LayerNorm in the block's place, real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_mlp_av1_sample.py

Not trained here: there is no expected number.
"""
_base_ = ['./vectornet_minilm_av1_sample.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
