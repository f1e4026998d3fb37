"""The demo: small VectorNet + the frozen last layer of MiniLM in a town.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_minilm_town.py

Not trained here: there is no expected number.
"""
_base_ = [
    './vectornet_town.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
