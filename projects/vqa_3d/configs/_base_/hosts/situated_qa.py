# SQA3D's model as in its repository: VoteNet on 40,000 points with colour and
# height, words of GloVe, MCAN of width 256.
model = dict(
    type='lm4ve_mm.SituatedQA',
    num_answers=707,
    word_dims=300,
    channels=256,
    num_heads=8,
    depth=2,
    answers='data/sqa3d/sqa_task/answer_dict.json',
    detector=dict(
        type='lm4ve_mm.VoteNet',
        # Colour and height.
        in_channels=4,
        num_proposals=256,
        out_channels=128))
