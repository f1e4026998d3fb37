"""Control: a random block of MiniLM's geometry, frozen.

    python tools/train.py configs/dense/fcn_r18_minilm_random_shapes.py
"""
_base_ = ['./fcn_r18_minilm_shapes.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(backbone=dict(llm=dict(init='random')))
