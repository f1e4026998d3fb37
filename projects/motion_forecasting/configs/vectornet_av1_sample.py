"""Small VectorNet on 1,600 real scenes of Argoverse 1 without a map.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_av1_sample.py

8 epochs, so that three seeds of four variants fit on two cores.
Hardware and time: 1 CPU core, 41 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 others (*measured here*,
mean and deviation of three seeds), K=6:
1.36 +- 0.02 / 2.82 +- 0.08 / 39.2 +- 1.5 %,
K=1: 2.32 +- 0.05 / 5.39 +- 0.12 / 74.0 +- 1.5 %.
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/av1_sample.py',
    './_base_/schedules/sample_8e.py', './_base_/motion_runtime.py'
]
