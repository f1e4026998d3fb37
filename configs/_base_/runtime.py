# What every run of ours has: registration, hooks, a seed, and checkpoints that
# are whole and finite and stay until better ones are there. Written out, not
# inherited from MMPretrain: MMEngine marks what is inherited from another
# package with `_scope_`, which some of MMPretrain's own tools choke on.
_base_ = ['./hooks.py']
default_scope = 'mmpretrain'
default_hooks = dict(
    timer=dict(type='mmengine.IterTimerHook'),
    logger=dict(type='mmengine.LoggerHook', interval=100),
    param_scheduler=dict(type='mmengine.ParamSchedulerHook'),
    checkpoint=dict(
        type='lm4ve_mm.SafeCheckpointHook',
        interval=1,
        backend_args=dict(backend='lm4ve_mm.atomic')),
    sampler_seed=dict(type='mmengine.DistSamplerSeedHook'),
    visualization=dict(type='mmpretrain.VisualizationHook', enable=False))
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
vis_backends = [dict(type='mmengine.LocalVisBackend')]
visualizer = dict(
    type='mmpretrain.UniversalVisualizer', vis_backends=vis_backends)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
