"""VideoMAE ViT-B/16 on Kinetics-400, by VideoMAE's own recipe.

    bash tools/dist_train.sh configs/videomae_b_k400.py 8 --amp --auto-scale-lr

Not in the paper, and not trained here: there is no expected number. The rate
is for 64 GPUs of 6 videos; --auto-scale-lr fits it to what there is.

Data: data/kinetics400/{train.csv,val.csv,videos/}, on each line of a list a
path within videos/, a space and the number of a class, 0 to 399. Weights:
checkpoints/videomae_k400_vitb.pth, VideoMAE's pretraining on Kinetics-400
(MODEL_ZOO.md of github.com/MCG-NJU/VideoMAE).
"""
_base_ = [
    './_base_/hosts/videomae_b16.py', './_base_/datasets/k400.py',
    './_base_/schedules/videomae_b_75e.py', './_base_/video_runtime_best.py'
]
# MMAction2's inferencers look for it within the model.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        init_cfg=dict(checkpoint='checkpoints/videomae_k400_vitb.pth')),
    cls_head=dict(num_classes=400))
data_preprocessor = None
train_dataloader = dict(batch_size=6)
