"""The demo: small VectorNet + the frozen last layer of MiniLM in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_town.py

Hardware and time: 1 CPU core, 139 s of CPU time, and 75 s once to generate the
town (*measured here*). minADE / minFDE / miss rate on its 400 test scenes:
K=6 0.78 / 1.67 / 27.5 %, K=1 1.47 / 3.67 / 59.0 % (*measured here*,
seed 0).
"""
_base_ = [
    './vectornet_town.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
