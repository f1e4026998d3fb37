# What every run of ours has: registration, hooks, a seed, and checkpoints that
# are complete or not there.
_base_ = ['mmpretrain::_base_/default_runtime.py', './hooks.py']
default_hooks = dict(
    checkpoint=dict(backend_args=dict(backend='lm4ve_mm.atomic')))
randomness = dict(seed=0)
