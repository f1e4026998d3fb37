"""Control: GELU and LayerNorm in the block's place, in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_mlp_town.py

Hardware and time: 1 CPU core, 112 s of CPU time, and 75 s once to generate the
town (*measured here*). minADE / minFDE / miss rate on its 400 test scenes:
K=6 0.87 / 1.82 / 36.2 %, K=1 1.70 / 4.12 / 67.0 % (*measured here*,
seed 0).
"""
_base_ = ['./vectornet_minilm_town.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
