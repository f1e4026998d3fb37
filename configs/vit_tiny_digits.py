"""ViT-tiny on handwritten digits: the host of the demo, without a block."""
_base_ = [
    './_base_/hosts/vit_tiny_16px.py', './_base_/datasets/digits.py',
    './_base_/schedules/digits_40e.py', './_base_/runtime.py'
]
default_hooks = dict(logger=dict(interval=22), checkpoint=dict(max_keep_ckpts=2))
