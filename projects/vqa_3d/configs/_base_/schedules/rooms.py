# 1,200 iterations: a warm-up of 60, then a cosine.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=.01),
    clip_grad=dict(max_norm=10., norm_type=2))
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-2,
        by_epoch=False,
        begin=0,
        end=60),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=1200,
        eta_min=2e-5,
        by_epoch=False,
        begin=0,
        end=1200),
]
train_cfg = dict(by_epoch=False, max_iters=1200, val_interval=1200)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
