# The project's runtime, and the momentum of batch norms as in the repository.
_base_ = './vqa3d_runtime.py'
custom_hooks = [
    *_base_.custom_hooks,  # noqa: F821
    dict(type='lm4ve_mm.BNMomentumHook')
]
