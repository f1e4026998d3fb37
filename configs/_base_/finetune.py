# Fine-tuning on a folder of images: a leaf adds a host, and says data_root.
_base_ = [
    './datasets/folder.py', './schedules/finetune_10e.py', './runtime.py'
]
custom_imports = dict(
    imports=['lm4ve_mm.plugin', 'lm4ve_mm.apis.fine_tuning'],
    allow_failed_imports=False)
runner_type = 'lm4ve_mm.FineTuningRunner'
data_root = ''
img_size = 224
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(
        max_keep_ckpts=1, save_best='accuracy/top1', rule='greater'))
