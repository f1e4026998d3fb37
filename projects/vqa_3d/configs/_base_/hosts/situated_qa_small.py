# SQA3D's model in small, for generated rooms: few points, 6 proposals.
model = dict(
    type='lm4ve_mm.SituatedQA',
    num_answers=16,
    word_dims=384,
    channels=64,
    num_heads=4,
    depth=1,
    flatten_hidden=64,
    flatten_channels=64,
    # With it the model needs some times as many steps.
    dropout=0.,
    # Most answers depend on the kind of a thing.
    weights=[('class', .4), ('answer', .2)],
    detector=dict(
        type='lm4ve_mm.VoteNet',
        # Colour, position and height.
        in_channels=7,
        num_proposals=6,
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
