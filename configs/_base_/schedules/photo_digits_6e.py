# 6 epochs of 88 iterations: 1 of warm-up, then a cosine, step by step.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.),
    paramwise_cfg=dict(
        norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=.01,
        by_epoch=False,
        begin=0,
        end=88),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=440,
        eta_min=1e-5,
        by_epoch=False,
        begin=88,
        end=528)
]
train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=6)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
