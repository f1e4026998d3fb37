# 32 epochs, AdamW 5e-4, batch 32 in total, the rate "dropped by 1/4" at 20,
# 24 and 28 (*paper*), which the author's other code does by a factor of 0.25.
# Weight decay and clipping are mmTransformer's, the warm-up is VectorNet's:
# our choice.
_base_ = './vectornet_60e.py'
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-3,
        by_epoch=False,
        begin=0,
        end=1001),
    dict(
        type='mmengine.MultiStepLR',
        milestones=[20, 24, 28],
        gamma=0.25,
        by_epoch=True),
]
train_cfg = dict(max_epochs=32)
