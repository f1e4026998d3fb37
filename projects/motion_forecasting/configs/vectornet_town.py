"""Small VectorNet in a generated town: the host of the demo, no block.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_town.py

Not trained here: there is no expected number.
"""
_base_ = [
    './_base_/hosts/vectornet_small.py', './_base_/datasets/town.py',
    './_base_/schedules/town_24e.py', './_base_/motion_runtime.py'
]
