# ScanObjectNN OBJ_BG, objects with their surroundings (2309 / 581).
_base_ = './scanobjectnn_hardest.py'
train_dataloader = dict(dataset=dict(variant='obj_bg'))
val_dataloader = dict(dataset=dict(variant='obj_bg'))
test_dataloader = dict(dataset=dict(variant='obj_bg'))
