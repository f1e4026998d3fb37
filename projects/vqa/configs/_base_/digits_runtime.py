# The common runtime, this project's package, and the image encoder's warm-up.
_base_ = '../../../../configs/_base_/runtime.py'
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_vqa'], allow_failed_imports=False)
custom_hooks = [
    dict(type='lm4ve_mm.CheckDataHook'),
    dict(type='lm4ve_mm.CheckClassesHook'),
    dict(type='lm4ve_mm.FindCheckpointHook'),
    dict(type='lm4ve_mm.EpochSeedHook'),
    dict(type='lm4ve_mm.FreezeLLMHook'),
    dict(type='lm4ve_mm.PlainCheckpointHook'),
    dict(type='lm4ve_mm.CheckTextHook'),
    dict(type='lm4ve_mm.WarmUpOnDigitsHook', steps=500),
]
default_hooks = dict(
    logger=dict(interval=50), checkpoint=dict(max_keep_ckpts=1))
