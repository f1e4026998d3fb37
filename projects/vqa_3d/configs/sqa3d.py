"""SQA3D (ScanQA with the auxiliary task): the paper's baseline, width 768.

    python tools/train.py projects/vqa_3d/configs/sqa3d.py

Hardware and time: not stated in the paper; about 12 GB on a GPU (estimate).
Expected on test: EM@1 47.20, EM@10 86.82 (*paper*, tables 5 and E). The best
epoch is chosen on val; tools/test.py gives the figures on test, once.
"""
_base_ = [
    './_base_/hosts/situated_qa.py', './_base_/datasets/sqa3d_scannet.py',
    './_base_/schedules/sqa3d_30e.py', './_base_/sqa3d_runtime.py'
]
model = dict(channels=768)
train_dataloader = dict(batch_size=32)
