"""The same + the frozen last layer of MiniLM, 1,600 real scenes.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_av1_sample.py

Not trained here: there is no expected number.
"""
_base_ = [
    './vectornet_av1_sample.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
