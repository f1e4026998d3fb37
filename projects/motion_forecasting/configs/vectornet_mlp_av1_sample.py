"""Control: GELU and LayerNorm in the block's place, real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_mlp_av1_sample.py

Hardware and time: 1 CPU core, 55 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 others (*measured here*,
mean and deviation of three seeds), K=6:
1.39 +- 0.02 / 2.86 +- 0.03 / 43.0 +- 0.8 %,
K=1: 2.40 +- 0.07 / 5.58 +- 0.16 / 75.5 +- 0.9 %.
"""
_base_ = ['./vectornet_minilm_av1_sample.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
