# This project's runtime, and a warm-up of the image encoder, which stands for
# CLIP's pre-training.
_base_ = './vqa_runtime.py'
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='lm4ve_mm.WarmUpOnDigitsHook', steps=500)
]
default_hooks = dict(logger=dict(interval=50))
