"""The study: ViT-tiny + the frozen last layer of MiniLM, digits on photos.

    make study

trains it and its controls, and compares them in every way; see
docs/evidence.md.
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
