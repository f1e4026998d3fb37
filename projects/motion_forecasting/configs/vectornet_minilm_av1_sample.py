"""The same + the frozen last layer of MiniLM, 1,600 real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_av1_sample.py

Hardware and time: 1 CPU core, 74 s of CPU time (*measured here*).
minADE / minFDE / miss rate on 400 others (*measured here*,
mean and deviation of three seeds), K=6:
1.40 +- 0.01 / 2.95 +- 0.03 / 42.5 +- 2.7 %,
K=1: 2.43 +- 0.02 / 5.63 +- 0.06 / 74.2 +- 1.4 %.
"""
_base_ = [
    './vectornet_av1_sample.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
