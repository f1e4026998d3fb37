# VideoMAE's fine-tuning of ViT-S as the paper ran it (arXiv 2310.12973, C.3):
# 40 epochs at batch 24, 5 of them warm-up, rate by the step, layer decay 0.7.
optim_wrapper = dict(
    type='mmengine.OptimWrapper',
    optimizer=dict(
        type='AdamW',
        lr=1e-3 * 24 / 256,
        weight_decay=0.05,
        betas=(0.9, 0.999),
        eps=1e-8),
    # Block i of 12 (from 1) learns at 0.7 ** (13 - i) of the rate, the patch
    # embedding at 0.7 ** 13, maps, final norm and head at the whole of it. No
    # decay on biases and 1-D parameters.
    constructor='mmaction.LearningRateDecayOptimizerConstructor',
    paramwise_cfg=dict(
        decay_rate=0.7, decay_type='layer_wise', num_layers=12))

param_scheduler = dict(
    type='lm4ve_mm.StepWarmupCosineLR',
    warmup=5,
    min_ratio=1e-6 / 1e-3,
    convert_to_iter_based=True)

train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# (4 GPUs) x (6 videos per GPU); the second view of each does not count.
auto_scale_lr = dict(enable=False, base_batch_size=24)
