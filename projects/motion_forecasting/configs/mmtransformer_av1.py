"""mmTransformer on Argoverse 1: the paper's baseline.

    python tools/train.py \
        projects/motion_forecasting/configs/mmtransformer_av1.py

Hardware and time: 1 A100, about 2 days (*paper*).
Expected minADE / minFDE / miss rate on val, K=6: 0.72 / 1.10 / 10.7 %
(*paper*, table 4).
"""
_base_ = [
    './_base_/hosts/mmtransformer.py',
    './_base_/datasets/av1_mmtransformer.py',
    './_base_/schedules/mmtransformer_32e.py', './_base_/motion_runtime.py'
]
