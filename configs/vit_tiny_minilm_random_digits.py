"""Control: a random block of MiniLM's geometry, frozen.

    python tools/train.py configs/vit_tiny_minilm_random_digits.py

Hardware and time: 2 CPU cores, 2 to 3 minutes (*measured here*).
Top-1 on the 397 held-out digits: 98.99, 98.74, 98.99 (*measured
here*, seeds 0, 1, 2).
"""
_base_ = ['./vit_tiny_minilm_digits.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
