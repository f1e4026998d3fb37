# SQA3D's model in small, for generated rooms: few points, 12 proposals.
model = dict(
    type='lm4ve_mm.SituatedQA',
    num_answers=12,
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
        out_channels=64,
        levels=[
            (64, .4, 8, (32, 32)),
            (32, .7, 8, (48, 64)),
            (16, 1.2, 8, (64, 64)),
            (8, 2., 8, (64, 64)),
        ],
        seed_channels=64,
        radius=.6,
        neighbours=6))
