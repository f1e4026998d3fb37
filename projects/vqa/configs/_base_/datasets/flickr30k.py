# Flickr30k with Karpathy's splits. METER trains on train and val, and
# evaluates on test, as the paper does.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    # CLIP's, times 255. Images arrive as RGB.
    mean=[122.7709383, 116.7460125, 104.09373615],
    std=[68.5005327, 66.6321579, 70.32316305],
    to_rgb=False)
tokenise = dict(
    type='lm4ve_mm.Tokenise', tokenizer='checkpoints/roberta-base',
    max_length=40)
pack = dict(
    type='mmpretrain.PackInputs',
    algorithm_keys=('text_ids', 'text_mask', 'false_text_ids',
                    'false_text_mask'),
    meta_keys=('sample_idx', 'image_id', 'img_path', 'text', 'texts'))
train_pipeline = [
    dict(type='lm4ve_mm.LoadPhoto'),
    dict(type='lm4ve_mm.RandAugmentPhoto', num_ops=2, magnitude=9),
    dict(type='lm4ve_mm.ResizeCrop', size=224),
    tokenise,
    pack,
]
test_pipeline = [
    dict(type='lm4ve_mm.LoadPhoto'),
    dict(type='lm4ve_mm.ResizeCrop', size=224),
    tokenise,
    pack,
]
dataset_type = 'lm4ve_mm.Flickr30k'
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type=dataset_type,
        data_root='data/flickr30k',
        split='trainval',
        num_false=15,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
# An item is an image with all of its captions.
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=False,
    dataset=dict(
        type=dataset_type,
        data_root='data/flickr30k',
        split='test',
        test_mode=True,
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='lm4ve_mm.ImageTextRecall', topk=(1, 5, 10))
test_evaluator = val_evaluator
# All pairs are scored: 1,000 x 5,000 on the whole test split. num_images and
# num_texts take the first of them.
val_cfg = dict(type='lm4ve_mm.RetrievalValLoop', pairs=512)
test_cfg = dict(type='lm4ve_mm.RetrievalTestLoop', pairs=512)
