"""Control: a random block of MiniLM's geometry, frozen.

    python tools/train.py configs/videomae_tiny_minilm_random_moving.py

Hardware and time: 2 CPU cores. There is no expected number yet.
"""
_base_ = ['./videomae_tiny_minilm_moving.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
