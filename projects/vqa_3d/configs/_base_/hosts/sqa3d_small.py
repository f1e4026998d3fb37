# SQA3D's model in small, for generated rooms: few points, 12 proposals.
model = dict(
    type='lm4ve_mm.SituatedQA',
    num_answers=23,
    word_dims=384,
    channels=128,
    num_heads=4,
    depth=1,
    flatten_hidden=128,
    flatten_channels=128,
    detector=dict(
        type='lm4ve_mm.VoteNet',
        # Colour, position and height.
        in_channels=7,
        num_proposals=12,
        out_channels=96,
        levels=[
            (128, .3, 8, (32, 32, 64)),
            (64, .6, 8, (64, 64, 96)),
            (32, 1., 8, (64, 64, 96)),
            (16, 1.6, 8, (64, 64, 96)),
        ],
        seed_channels=96,
        radius=.5,
        neighbours=8))
