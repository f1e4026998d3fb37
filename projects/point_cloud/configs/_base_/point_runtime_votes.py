# With votes during training, as Point-BERT does; only ModelNet40 gets there.
_base_ = './point_runtime.py'
custom_hooks = _base_.custom_hooks + [dict(type='lm4ve_mm.VoteHook')]
