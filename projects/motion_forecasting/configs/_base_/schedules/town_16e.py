# 16 epochs of 46 iterations: a warm-up of 50, then a cosine. Clipping at 0.1
# makes every step of an untrained model the same length; 5 lets it learn.
_base_ = './vectornet_60e.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=5., norm_type=2))
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-2,
        by_epoch=False,
        begin=0,
        end=50),
    dict(
        type='mmengine.CosineAnnealingLR',
        T_max=16,
        eta_min=2e-5,
        by_epoch=True,
        begin=0,
        end=16,
        convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=16, val_interval=16)
