# DeiT's schedule as the paper ran it (arXiv 2310.12973, C.1): 300 epochs at
# batch 1024, 20 of them warm-up, and no gradient clipping.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(
        type='AdamW',
        lr=5e-4 * 1024 / 512,
        weight_decay=0.05,
        eps=1e-8,
        betas=(0.9, 0.999)),
    # No decay on 1-D parameters, position embedding and class token. The two
    # maps around the language model decay like any other weight.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

# warmup_lr and min_lr are absolute: --auto-scale-lr leaves them alone.
param_scheduler = dict(
    type='lm4ve_mm.WarmupCosineLR',
    warmup_epochs=20,
    warmup_lr=1e-6,
    min_lr=1e-5,
    max_epochs=300)

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# (4 GPUs) x (256 images per GPU)
auto_scale_lr = dict(base_batch_size=1024)
