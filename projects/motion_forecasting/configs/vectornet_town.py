"""Small VectorNet in a generated town: the host of the demo, no block.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_town.py

Hardware and time: 1 CPU core, 96 s of CPU time, and 75 s once to generate the
town (*measured here*). minADE / minFDE / miss rate on its 400 test scenes:
K=6 0.85 / 1.80 / 32.0 %, K=1 1.46 / 3.55 / 64.5 % (*measured here*,
seed 0).
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/town.py',
    './_base_/schedules/town_16e.py', './_base_/motion_runtime.py'
]
