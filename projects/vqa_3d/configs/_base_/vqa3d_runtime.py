# The common runtime and this project's package.
_base_ = '../../../../configs/_base_/runtime.py'
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_vqa3d'], allow_failed_imports=False)
default_hooks = dict(
    checkpoint=dict(
        max_keep_ckpts=1, save_best='sqa/EM@1', rule='greater'))
