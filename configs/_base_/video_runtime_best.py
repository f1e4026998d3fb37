# The common video runtime, and the best epoch kept, as upstream keeps it.
_base_ = './video_runtime.py'
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=2, save_best='acc/top1', rule='greater'))
env_cfg = dict(cudnn_benchmark=True)
