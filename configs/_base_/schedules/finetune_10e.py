# 10 epochs, one of them warm-up, then a cosine. A pretrained host learns at a
# tenth of the rate of what is new: the maps, a norm around them, the head.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'neck.': dict(lr_mult=10.0),
            'backbone.layer.': dict(lr_mult=10.0),
            'head.': dict(lr_mult=10.0),
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0),
        }))
param_scheduler = dict(
    type='lm4ve_mm.StepWarmupCosineLR',
    warmup=1,
    min_ratio=0.01,
    convert_to_iter_based=True)

train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(enable=False, base_batch_size=32)
