"""FCN-ResNet18 on shapes on photographs: the host, without a block.

    python tools/train.py configs/dense/fcn_r18_shapes.py

Hardware and time: CPU, 49 s of processor time on one thread (*measured
here*). mIoU on the 200 held-out images: 40.22 (*measured here*, seed 0).
"""
_base_ = [
    './_base_/fcn_r18.py', './_base_/shapes.py', './_base_/shapes_3e.py',
    './_base_/runtime.py'
]
default_hooks = dict(
    logger=dict(interval=100), checkpoint=dict(max_keep_ckpts=2))
