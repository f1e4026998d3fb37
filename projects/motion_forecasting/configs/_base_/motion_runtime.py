# The common runtime, this project's package, and the best epoch kept.
_base_ = '../../../../configs/_base_/runtime.py'
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_motion'], allow_failed_imports=False)

# Chosen on the validation split, on which the published figures are; the
# last epoch is kept beside it.
default_hooks = dict(
    checkpoint=dict(
        max_keep_ckpts=1, save_best='forecast/minFDE_6', rule='less'))
