# Half the width, tokens of 128 numbers. It learns from the target alone, as
# the first VectorNet does, and corrects a constant velocity instead of
# starting from nothing: with few scenes that is learnt sooner. Modes that end
# nearly as near as the best share its probability, and the likeliest one stays
# in the middle of what may happen: a better single guess.
_base_ = './vectornet.py'
model = dict(
    widths=(16, 32, 64),
    learn_from='target',
    correct_velocity=True,
    score_spread=4.,
    likeliest_share=0.5)
