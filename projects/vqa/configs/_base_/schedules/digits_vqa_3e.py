# 3 epochs of 327 iterations: linear warm-up and decay. The image encoder is
# trained alone first, and then at a lower rate.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(
        type='AdamW',
        lr=2e-3,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        # One by one, the many small tensors take a fifth of a step.
        fused=True),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys=dict(image_encoder=dict(lr_mult=0.3))))
param_scheduler = [
    dict(
        type='mmengine.LinearLR',
        start_factor=1e-3,
        by_epoch=False,
        begin=0,
        end=130),
    dict(
        type='mmengine.PolyLR',
        power=1.,
        eta_min=0.,
        by_epoch=True,
        begin=0,
        end=3,
        convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=3)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=64)
