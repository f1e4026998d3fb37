# VectorNet of StreamingForecasting, without its single head, whose loss
# compares two frames there.
model = dict(
    type='lm4ve_mm.VectorNet',
    num_modes=6,
    num_steps=30,
    widths=(32, 64, 128),
    graph_depth=1,
    single_head=False)
