# The common runtime and this project's package. A recipe says what makes the
# best checkpoint: default_hooks.checkpoint.save_best.
_base_ = '../../../../configs/_base_/runtime.py'
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_vqa'], allow_failed_imports=False)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, rule='greater'))
custom_hooks = [
    *_base_.custom_hooks, dict(type='lm4ve_mm.CheckTextHook')
]
