# 8 epochs of 50 iterations; otherwise that of the town.
_base_ = './town_16e.py'
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-2,
        by_epoch=False,
        begin=0,
        end=50),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=8,
        eta_min=2e-5,
        by_epoch=True,
        begin=0,
        end=8,
        convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=8, val_interval=8)
