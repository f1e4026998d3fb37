# ScanObjectNN OBJ_ONLY, the same objects cut out (2309 / 581).
_base_ = './scanobjectnn_hardest.py'
train_dataloader = dict(dataset=dict(variant='obj_only'))
val_dataloader = dict(dataset=dict(variant='obj_only'))
test_dataloader = dict(dataset=dict(variant='obj_only'))
