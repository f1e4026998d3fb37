"""METER + the frozen last layer of LLaMA-7B on Flickr30k.

    python tools/train.py projects/vqa/configs/meter_llama_flickr30k.py

The block sees the image's tokens behind the fusion.
Hardware and time: 4 A100, about 1 day (*paper*).
Expected recall of images on test: 50.22 % at 1, 82.26 % at 5, 90.08 % at 10
(*paper*, table 5).
"""
_base_ = ['./meter_flickr30k.py', './_base_/llms/llama_7b_vl.py']
model = dict(
    tokens='image',
    neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
