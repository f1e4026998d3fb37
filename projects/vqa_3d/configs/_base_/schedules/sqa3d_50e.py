# The repository of SQA3D: 50 epochs at one rate (its steps, at 100 and 200,
# are never reached), Adam with L2 decay, gradients clipped by value, batch 16
# in total. It chooses on val every 1,000 iterations, we at the end of epochs
# of 1,664.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='Adam', lr=5e-4, weight_decay=1e-5),
    clip_grad=dict(type='value', clip_value=1.0))
param_scheduler = dict(
    type='mmengine.MultiStepLR', milestones=[100, 200], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=50, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=16)
