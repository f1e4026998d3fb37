"""VectorNet on Argoverse 1: the paper's baseline.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_av1.py

Hardware and time: 1 A100, about 2 days (*paper*).
Expected minADE / minFDE / miss rate on val, K=6: 0.77 / 1.23 / 13.2 %, K=1:
1.60 / 3.60 (*paper*, tables 4 and F).
"""
_base_ = [
    './_base_/hosts/vectornet.py', './_base_/datasets/av1_vectornet.py',
    './_base_/schedules/vectornet_60e.py', './_base_/motion_runtime.py'
]
