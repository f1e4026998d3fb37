"""SQA3D as in its own repository: width 256, 50 epochs, constant colours.

    python tools/train.py projects/vqa_3d/configs/sqa3d_repository.py

The repository's files are tested as they are:

    python tools/test.py projects/vqa_3d/configs/sqa3d_repository.py auxi.pth

Its code normalises the colours of a scene anew at each visit, so that they
soon are all the same; its weights know no others.
Expected on test: EM@1 47.20, EM@10 86.82 (*paper*, tables 5 and E, which
quote the repository).
"""
_base_ = [
    './_base_/hosts/situated_qa.py', './_base_/datasets/sqa3d_scannet.py',
    './_base_/schedules/sqa3d_50e.py', './_base_/sqa3d_runtime.py'
]
pack = dict(type='lm4ve_mm.PackSituatedQA', color_mode='legacy_constant')
train_pipeline = [*_base_.train_pipeline[:-1], pack]  # noqa: F821
test_pipeline = [*_base_.test_pipeline[:-1], pack]  # noqa: F821
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
