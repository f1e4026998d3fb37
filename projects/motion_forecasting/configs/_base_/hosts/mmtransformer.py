# mmTransformer with six proposals.
model = dict(
    type='lm4ve_mm.MMTransformer',
    num_modes=6,
    num_steps=30,
    dims=128,
    num_heads=2,
    hidden=256,
    # Our choice; matters only with a block.
    place='after_social')
