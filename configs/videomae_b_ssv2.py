"""VideoMAE ViT-B/16 on Something-Something-v2, the paper's baseline.

    bash tools/dist_train.sh configs/videomae_b_ssv2.py 4 --amp

Hardware and time: 4 A100, 3 to 4 days (*paper*, for the +LLaMA runs).
Expected top-1 / top-5: 64.97 / 89.50 (*paper*, table 3).
"""
_base_ = [
    './_base_/hosts/videomae_b16.py', './_base_/datasets/ssv2.py',
    './_base_/schedules/videomae_b_30e.py', './_base_/video_runtime_best.py'
]
# MMAction2's inferencers look for it within the model.
model = dict(data_preprocessor=_base_.data_preprocessor)
data_preprocessor = None
# 12 videos a step on 4 GPUs.
train_dataloader = dict(batch_size=3)
