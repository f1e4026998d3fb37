"""VectorNet as a host of the shared properties: three batches of 16 scenes.

``model`` takes the config of the layer and gives that of the model; the
fields are those of ``Host`` in the repository's ``tests/properties``.
"""


def vectornet(llm: dict) -> dict:
    """A small VectorNet, the block among agents and lanes."""
    return dict(
        type='lm4ve_mm.VectorNet',
        widths=(4, 8),
        neck=dict(type='lm4ve_mm.TokenInsertNeck', llm=llm))


TOWN = dict(
    type='lm4ve_mm.Town',
    split='train',
    data_root='motion_town',
    train=48,
    val=1,
    featuriser=dict(type='lm4ve_mm.VectorNetFeatures', reach=60.),
    pipeline=[dict(type='lm4ve_mm.PackScene')])
HOST = dict(
    model=vectornet,
    llm=dict(checkpoint='tiny_llama', layers=(-1, )),
    layer='neck.layer',
    dataset=TOWN,
    metric=dict(type='lm4ve_mm.ForecastMetric'),
    imports=('lm4ve_motion', ))
