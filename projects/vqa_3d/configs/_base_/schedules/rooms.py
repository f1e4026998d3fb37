# 90 epochs of 10 iterations, 128 questions each: a warm-up of 40, a cosine.
# The detector, on which the answers wait, learns at a higher rate. Clipped by
# norm, not by value as in the reference: few steps have to do.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=.01),
    paramwise_cfg=dict(custom_keys=dict(detector=dict(lr_mult=1.7))),
    clip_grad=dict(max_norm=10., norm_type=2))
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-2,
        by_epoch=False,
        begin=0,
        end=40),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=90,
        eta_min=2e-5,
        by_epoch=True,
        begin=0,
        end=90,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=90, val_interval=30)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
