# VideoMAE's fine-tuning of ViT-S on Kinetics-400: 150 epochs at batch 384.
_base_ = './videomae_s_40e.py'
optim_wrapper = dict(
    optimizer=dict(lr=5e-4 * 384 / 256), paramwise_cfg=dict(decay_rate=0.75))
param_scheduler = dict(min_ratio=1e-6 / 5e-4)
train_cfg = dict(max_epochs=150)
# (32 GPUs) x (12 videos per GPU)
auto_scale_lr = dict(base_batch_size=384)
