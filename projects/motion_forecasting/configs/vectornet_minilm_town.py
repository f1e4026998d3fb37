"""The demo: small VectorNet + the frozen last layer of MiniLM in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_town.py

Hardware and time: 1 CPU core, 222 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 held-out scenes, K=6: 0.75 / 1.61 / 28.0 %,
K=1: 1.68 / 4.12 / 62.0 % (*measured here*, seed 0).
"""
_base_ = [
    './vectornet_town.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
