"""The study: ViT-tiny + the frozen last layer of MiniLM, digits on photos.

    python tools/train.py configs/vit_tiny_minilm_photo_digits.py

Hardware and time: CPU, a minute of processor time on one thread (*measured
here*). `make study` trains it and its controls, three seeds each; the table
is in docs/evidence.md (*measured here*).
"""
_base_ = [
    './_base_/hosts/vit_tiny_64px.py', './_base_/datasets/photo_digits.py',
    './_base_/schedules/photo_digits_6e.py', './_base_/llms/minilm_l6_auto.py',
    './_base_/runtime.py'
]
model = dict(
    neck=dict(
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=96,
        llm={{_base_.llm}}))
default_hooks = dict(
    logger=dict(interval=44), checkpoint=dict(max_keep_ckpts=1, interval=6))
