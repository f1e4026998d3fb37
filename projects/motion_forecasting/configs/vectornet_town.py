"""Small VectorNet in a generated town: the host of the demo, no block.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_town.py

minADE / minFDE / miss rate on 400 held-out scenes, K=6: 0.63 / 1.32 / 17.0 %,
K=1: 1.63 / 4.07 / 58.2 % (*measured here*, seed 0).
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/town.py',
    './_base_/schedules/town_16e.py', './_base_/motion_runtime.py'
]
