# The plugin and what every run of it has. FreezeLLMHook and
# PlainCheckpointHook also fit a baseline without a block. A host whose recipe
# has custom_hooks of its own inherits plugin.py instead and adds to its list.
_base_ = ['./plugin.py']
custom_hooks = [
    dict(type='lm4ve_mm.CheckDataHook'),
    dict(type='lm4ve_mm.CheckClassesHook'),
    dict(type='lm4ve_mm.FindCheckpointHook'),
    dict(type='lm4ve_mm.EpochSeedHook'),
    dict(type='lm4ve_mm.FreezeLLMHook'),
    dict(type='lm4ve_mm.PlainCheckpointHook'),
]
