# 60 epochs, cosine, AdamW 5e-4, batch 32 in total (*paper*). Weight decay,
# clipping, the warm-up and the last rate are those of the host's own code,
# which the paper does not state for its runs: our choice.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-4),
    clip_grad=dict(max_norm=0.1, norm_type=2))
param_scheduler = [
    # In the reference a pass of its own, in front of the first epoch.
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-3,
        by_epoch=False,
        begin=0,
        end=1001),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=60,
        eta_min=5e-5,
        by_epoch=True,
        begin=0,
        end=60),
]
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
