_base_ = [
    'mmpretrain::_base_/default_runtime.py', './_base_/plugin.py',
    './_base_/datasets/digits.py'
]
model = dict(
    type='mmpretrain.ImageClassifier',
    data_preprocessor=dict(type='mmpretrain.ClsDataPreprocessor'),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=192,
            num_layers=4,
            num_heads=3,
            feedforward_channels=768),
        img_size=16,
        patch_size=4),
    head=dict(
        type='mmpretrain.VisionTransformerClsHead',
        num_classes=10,
        in_channels=192,
        loss=dict(type='mmpretrain.CrossEntropyLoss')))
optim_wrapper = dict(
    type='mmengine.OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
train_cfg = dict(by_epoch=True, max_epochs=20)
val_cfg = dict()
test_cfg = dict()
