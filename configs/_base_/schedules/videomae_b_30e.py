# As for ViT-S, but 30 epochs at batch 12, half the rate, layer decay 0.75.
_base_ = './videomae_s_40e.py'
optim_wrapper = dict(
    optimizer=dict(lr=5e-4 * 12 / 256), paramwise_cfg=dict(decay_rate=0.75))
param_scheduler = dict(min_ratio=1e-6 / 5e-4)
train_cfg = dict(max_epochs=30)
# (4 GPUs) x (3 videos per GPU)
auto_scale_lr = dict(base_batch_size=12)
