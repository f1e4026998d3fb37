# SQA3D's model in small, for generated rooms: 1,024 points, 16 proposals.
model = dict(
    type='lm4ve_mm.SituatedQA',
    num_answers=23,
    word_dims=384,
    channels=128,
    num_heads=4,
    depth=2,
    flatten_hidden=128,
    flatten_channels=128,
    detector=dict(
        type='lm4ve_mm.VoteNet',
        # Colour, position and height.
        in_channels=7,
        num_proposals=16,
        out_channels=128,
        levels=[
            (256, .3, 16, (32, 32, 64)),
            (128, .6, 16, (64, 64, 128)),
            (64, 1., 16, (64, 64, 128)),
            (32, 1.6, 16, (64, 64, 128)),
        ],
        seed_channels=128,
        radius=.5,
        neighbours=16))
