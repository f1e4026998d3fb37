"""METER with CLIP-B/16 + the frozen last layer of LLaMA-7B, VQAv2.

    python tools/train.py projects/vqa/configs/meter_b16_llama_vqav2.py

Accuracy: not measured, and not in the paper.
"""
_base_ = ['./meter_b16_vqav2.py', './_base_/llms/llama_7b_vl.py']
model = dict(
    tokens='image',
    neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
