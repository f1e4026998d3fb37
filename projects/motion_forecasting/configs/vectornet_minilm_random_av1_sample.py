"""Control: a random block of MiniLM's geometry, frozen, real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_random_av1_sample.py

Hardware and time: 1 CPU core, 62 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 others (*measured here*,
mean and deviation of three seeds), K=6:
1.35 +- 0.04 / 2.78 +- 0.09 / 41.2 +- 1.1 %,
K=1: 2.41 +- 0.04 / 5.59 +- 0.07 / 74.6 +- 1.3 %.
"""
_base_ = ['./vectornet_minilm_av1_sample.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
