"""The demo: small METER + the frozen last layer of MiniLM on digits.

    python tools/train.py \
        projects/vqa/configs/meter_tiny_minilm_digits_vqa.py

Hardware and time: 2 CPU cores, 253 s of processor time (*measured here*).
Accuracy on the 2,776 test questions: 95.60 (*measured here*, seed 0).
"""
_base_ = [
    './meter_tiny_digits_vqa.py', '../../../configs/_base_/llms/minilm_l6.py'
]
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
