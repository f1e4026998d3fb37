# VideoMAE's fine-tuning of ViT-B on Kinetics-400: 75 epochs at batch 384.
_base_ = './videomae_s_150e.py'
train_cfg = dict(max_epochs=75)
# (64 GPUs) x (6 videos per GPU)
