"""mmTransformer on Argoverse 2: 5 s of past, 6 s of future.

    python tools/train.py \
        projects/motion_forecasting/configs/mmtransformer_av2.py

Not in the paper, and not trained here: there is no expected number.
"""
_base_ = [
    './_base_/hosts/mmtransformer.py',
    './_base_/datasets/av2_mmtransformer.py',
    './_base_/schedules/mmtransformer_32e.py', './_base_/motion_runtime.py'
]
model = dict(num_steps=60)
