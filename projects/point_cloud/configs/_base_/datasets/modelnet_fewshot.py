# ModelNet few-shot, 1024 points: 10 examples of each of 5 classes, fold 0 of
# 10. The episodes are published as pickles, of which only arrays are read.
_base_ = './modelnet40_1k.py'
episode = dict(
    _delete_=True,
    type='lm4ve_mm.ModelNetFewShot',
    way=5,
    shot=10,
    fold=0,
    data_root='data/ModelNetFewshot',
    allow_pickle=True)
train_dataloader = dict(
    dataset=dict(episode, split='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(episode, split='test', pipeline=_base_.test_pipeline))
test_dataloader = dict(
    dataset=dict(episode, split='test', pipeline=_base_.test_pipeline))
del episode
