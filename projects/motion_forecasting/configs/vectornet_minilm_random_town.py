"""Control: a random block of MiniLM's geometry, frozen, in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_random_town.py

Hardware and time: 1 CPU core, 139 s of CPU time, and 75 s once to generate the
town (*measured here*). minADE / minFDE / miss rate on its 400 test scenes:
K=6 0.83 / 1.66 / 28.0 %, K=1 1.61 / 3.97 / 63.2 % (*measured here*,
seed 0).
"""
_base_ = ['./vectornet_minilm_town.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
