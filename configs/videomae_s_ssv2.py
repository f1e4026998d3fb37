"""VideoMAE ViT-S/16 on Something-Something-v2, the paper's baseline.

    bash tools/dist_train.sh configs/videomae_s_ssv2.py 4 --amp

Hardware and time: 4 A100, 3 to 4 days (*paper*, for the +LLaMA runs).
Expected top-1 / top-5: 64.71 / 89.15 (*paper*, table 3).
"""
_base_ = [
    './_base_/hosts/videomae_s16.py', './_base_/datasets/ssv2.py',
    './_base_/schedules/videomae_s_40e.py', './_base_/video_runtime_best.py'
]
# MMAction2's inferencers look for it within the model.
model = dict(data_preprocessor=_base_.data_preprocessor)
data_preprocessor = None
# 24 videos a step on 4 GPUs.
train_dataloader = dict(batch_size=6)
