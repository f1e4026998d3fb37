# Point-BERT's schedule: batch 32 in total, gradients clipped at 10, and
# epochs 0 to 300, each at the rate that timm's cosine has one epoch before.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    constructor='lm4ve_mm.ThreeRateOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
    # The paper's three rates have 0.1 here, Point-BERT has one.
    paramwise_cfg=dict(map_lr_mult=0.5, flat_lr_mult=1.),
    clip_grad=dict(max_norm=10, norm_type=2))

param_scheduler = dict(
    type='lm4ve_mm.WarmupCosineLR',
    warmup_epochs=10,
    warmup_lr=1e-6,
    min_lr=1e-6,
    max_epochs=300)

# Tested after every epoch but the first.
train_cfg = dict(by_epoch=True, max_epochs=301, val_begin=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=32)
