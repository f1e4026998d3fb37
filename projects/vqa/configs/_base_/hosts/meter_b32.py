# METER with CLIP-ViT-B/32 at 224 pixels and RoBERTa-base, no vision-language
# pretraining: the baseline of the paper. Their configurations are written
# out, so that a trained model is tested without the two folders.
model = dict(
    image_encoder=dict(
        type='lm4ve_mm.CLIPTower',
        checkpoint='checkpoints/clip-vit-base-patch32',
        obtain='hf download openai/clip-vit-base-patch32 '
        '--local-dir {checkpoint}',
        config=dict(
            hidden_size=768,
            intermediate_size=3072,
            num_hidden_layers=12,
            num_attention_heads=12,
            image_size=224,
            patch_size=32,
            hidden_act='quick_gelu',
            layer_norm_eps=1e-5),
        image_size=224),
    text_encoder=dict(
        type='lm4ve_mm.TextTower',
        checkpoint='checkpoints/roberta-base',
        obtain='hf download FacebookAI/roberta-base --local-dir {checkpoint}',
        config=dict(
            model_type='roberta',
            vocab_size=50265,
            hidden_size=768,
            intermediate_size=3072,
            num_hidden_layers=12,
            num_attention_heads=12,
            max_position_embeddings=514,
            type_vocab_size=1,
            pad_token_id=1,
            hidden_act='gelu',
            layer_norm_eps=1e-5)),
    fusion=dict(
        type='lm4ve_mm.CoAttention',
        embed_dims=768,
        num_layers=6,
        num_heads=12,
        mlp_ratio=4,
        drop=0.1))
