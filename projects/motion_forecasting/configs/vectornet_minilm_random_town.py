"""Control: a random block of MiniLM's geometry, frozen, in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_random_town.py

Not trained here: there is no expected number.
"""
_base_ = ['./vectornet_minilm_town.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
