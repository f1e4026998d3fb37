# What every video run of ours has: the common runtime, in MMAction2's scope.
_base_ = ['mmaction::_base_/default_runtime.py', './hooks.py']
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_mm.video'],
    allow_failed_imports=False)
default_hooks = dict(
    checkpoint=dict(
        type='lm4ve_mm.SafeCheckpointHook',
        backend_args=dict(backend='lm4ve_mm.atomic')),
    # Turned on by --show-dir of tools/test.py.
    visualization=dict(type='lm4ve_mm.DrawClipsHook', enable=False))
randomness = dict(seed=0)
