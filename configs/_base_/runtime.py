# What every run has: registration, hooks, a seed, checkpoints that are plain
# and complete. FreezeLLMHook and PlainCheckpointHook also fit a baseline.
_base_ = ['mmpretrain::_base_/default_runtime.py', './plugin.py']
default_hooks = dict(
    checkpoint=dict(backend_args=dict(backend='lm4ve_mm.atomic')))
custom_hooks = [
    dict(type='lm4ve_mm.EpochSeedHook'),
    dict(type='lm4ve_mm.FreezeLLMHook'),
    dict(type='lm4ve_mm.PlainCheckpointHook'),
]
randomness = dict(seed=0)
