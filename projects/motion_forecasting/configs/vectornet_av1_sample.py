"""Small VectorNet on 1,600 real scenes of Argoverse 1 without a map.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_av1_sample.py

Hardware and time: 1 CPU core, 143 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 others, K=6: 1.30 / 2.53 / 43.5 %, K=1:
3.33 / 7.91 / 87.2 % (*measured here*, seed 0).
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/av1_sample.py',
    './_base_/schedules/sample_8e.py', './_base_/motion_runtime.py'
]
