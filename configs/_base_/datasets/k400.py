# Kinetics-400 as VideoMAE takes it: 16 frames at intervals of 4, flips, and
# 5 segments x 3 crops; everything else is as on Something-Something.
_base_ = './ssv2.py'
data_preprocessor = dict(
    blending=dict(augments=[
        dict(type='mmaction.MixupBlending', alpha=0.8, num_classes=400),
        dict(type='mmaction.CutmixBlending', alpha=1.0, num_classes=400)
    ]))

train_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(type='mmaction.SampleFrames', clip_len=16, frame_interval=4),
    # decoding, RandAugment, crop and resize
    *_base_.train_pipeline[2:6],
    dict(type='mmaction.Flip', flip_ratio=0.5),
    # erasing and packing
    *_base_.train_pipeline[6:],
]
val_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(
        type='mmaction.SampleFrames',
        clip_len=16,
        frame_interval=4,
        test_mode=True),
    *_base_.val_pipeline[2:],
]
test_pipeline = [
    dict(type='lm4ve_mm.VideoInit'),
    dict(
        type='mmaction.SampleFrames',
        clip_len=16,
        frame_interval=4,
        num_clips=5,
        test_mode=True),
    *_base_.test_pipeline[2:],
]

train_dataloader = dict(
    dataset=dict(
        data_root='data/kinetics400',
        num_classes=400,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root='data/kinetics400', num_classes=400, pipeline=val_pipeline))
test_dataloader = dict(
    dataset=dict(
        data_root='data/kinetics400', num_classes=400,
        pipeline=test_pipeline))
