# The common runtime, with what the ImageNet recipe of the paper adds to it.
_base_ = './runtime.py'

default_hooks = dict(
    checkpoint=dict(
        max_keep_ckpts=3, save_best='accuracy/top1', rule='greater'))
# Averaged weights are kept beside the raw ones, which the paper evaluates.
custom_hooks = [dict(type='lm4ve_mm.RawEvalEMAHook', momentum=4e-5)
                ] + _base_.custom_hooks

env_cfg = dict(cudnn_benchmark=True)
randomness = dict(seed=0)
