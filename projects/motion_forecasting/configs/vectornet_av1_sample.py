"""Small VectorNet on 1,600 real scenes of Argoverse 1 without a map.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_av1_sample.py

Not trained here: there is no expected number.
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/av1_sample.py',
    './_base_/schedules/town_24e.py', './_base_/motion_runtime.py'
]
