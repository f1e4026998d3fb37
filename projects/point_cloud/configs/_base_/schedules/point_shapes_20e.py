# 20 epochs of 46 iterations: 2 of warm-up, then a cosine; one rate for all.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    constructor='lm4ve_mm.ThreeRateOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    paramwise_cfg=dict(map_lr_mult=1., flat_lr_mult=1.),
    clip_grad=dict(max_norm=10, norm_type=2))
param_scheduler = dict(
    type='lm4ve_mm.WarmupCosineLR',
    warmup_epochs=2,
    warmup_lr=1e-4,
    min_lr=1e-5,
    max_epochs=20)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
