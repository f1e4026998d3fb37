# 30 epochs, a tenth of the rate at 10, 15 and 20, AdamW, batch 32 in total
# (*paper*, section C.6). The first rate, decay, clipping and the momentum of
# batch norms are those of the host's repository, which the paper does not
# state for its runs: our choice.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-5),
    clip_grad=dict(type='value', clip_value=1.0))
param_scheduler = dict(
    type='mmengine.MultiStepLR', milestones=[10, 15, 20], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=32)
