# 6 epochs of 88 iterations: 1 of warm-up, then a cosine.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=1.),
    paramwise_cfg=dict(
        norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.))
param_scheduler = dict(
    type='lm4ve_mm.WarmupCosineLR',
    warmup_epochs=1,
    warmup_lr=1e-4,
    min_lr=1e-5,
    max_epochs=6)
train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=6)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
