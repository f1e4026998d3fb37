# scikit-learn's digits on pieces of its two photographs, 64x64: two images
# of each of 1,400 digits for training, one of each of 397 for testing.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    num_classes=10,
    mean=[110.0] * 3,
    std=[70.0] * 3,
    to_rgb=True)
pack = dict(type='mmpretrain.PackInputs')
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type='lm4ve_mm.PhotoDigits', split='train', repeat=2,
        pipeline=[pack]),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=100,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(type='lm4ve_mm.PhotoDigits', split='test', pipeline=[pack]),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='mmpretrain.Accuracy', topk=(1, ))
test_evaluator = val_evaluator
