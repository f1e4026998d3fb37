"""Control: a random block of MiniLM's geometry, frozen, real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_random_av1_sample.py

Not trained here: there is no expected number.
"""
_base_ = ['./vectornet_minilm_av1_sample.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
