"""METER + the frozen last layer of LLaMA-7B on VQAv2.

    python tools/train.py projects/vqa/configs/meter_llama_vqav2.py

The block sees the image's tokens behind the fusion. For figures of test-dev
see meter_vqav2.py.
Hardware and time: 4 A100, about 1 day (*paper*).
Expected accuracy on test-dev: 70.23 % (yes/no 85.70, number 48.98, other
61.89) (*paper*, table 5).
"""
_base_ = ['./meter_vqav2.py', './_base_/llms/llama_7b_vl.py']
model = dict(
    tokens='image',
    neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
