"""Control: GELU and LayerNorm in the block's place (paper, section 5).

    python tools/train.py configs/videomae_tiny_mlp_moving.py

Hardware and time: 2 CPU cores. There is no expected number yet.
"""
_base_ = ['./videomae_tiny_minilm_moving.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
