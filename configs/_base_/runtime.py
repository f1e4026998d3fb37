# What every run of ours has: registration, hooks, a seed, and checkpoints that
# are whole and finite and stay until better ones are there.
_base_ = ['mmpretrain::_base_/default_runtime.py', './hooks.py']
default_hooks = dict(
    checkpoint=dict(
        type='lm4ve_mm.SafeCheckpointHook',
        backend_args=dict(backend='lm4ve_mm.atomic')))
randomness = dict(seed=0)
