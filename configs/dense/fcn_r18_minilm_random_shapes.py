"""Control: a random block of MiniLM's geometry, frozen.

    python tools/train.py configs/dense/fcn_r18_minilm_random_shapes.py

Hardware and time: CPU, 74 s of processor time on one thread (*measured
here*). mIoU on the 200 held-out images: 42.53 (*measured here*, seed 0).
"""
_base_ = ['./fcn_r18_minilm_shapes.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(backbone=dict(llm=dict(init='random')))
