# The runtime of METER's recipes: a step of the optimiser sees 512 samples on
# any number of GPUs.
_base_ = './vqa_runtime.py'
custom_hooks = [
    *_base_.custom_hooks, dict(type='lm4ve_mm.AccumulateHook', batch_size=512)
]
# Nothing is left to scale.
auto_scale_lr = dict(enable=False, base_batch_size=512)
