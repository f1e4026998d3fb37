# VQAv2 in its own files; data_root holds the JSON files and train2014/,
# val2014/, test2015/. Trained on train2014 and validated on all of val2014,
# which is honest. METER trains on both before it asks the server: there
# train_dataloader.dataset.split='trainval'.
data_preprocessor = dict(
    type='mmpretrain.ClsDataPreprocessor',
    # CLIP's, times 255. Images arrive as RGB.
    mean=[122.7709383, 116.7460125, 104.09373615],
    std=[68.5005327, 66.6321579, 70.32316305],
    to_rgb=False)
answers = 'data/vqav2/answers.json'
tokenise = dict(
    type='lm4ve_mm.Tokenise', tokenizer='checkpoints/roberta-base',
    max_length=50)
pack = dict(
    type='mmpretrain.PackInputs',
    algorithm_keys=('text_ids', 'text_mask'),
    meta_keys=('question', 'question_id', 'image_id', 'img_path',
               'gt_answer', 'answer_type', 'question_type'))
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
dataset_type = 'lm4ve_mm.VQAv2'
train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=False,
    worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
    dataset=dict(
        type=dataset_type,
        data_root='data/vqav2',
        split='train',
        answers=answers,
        pipeline=train_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=False,
    dataset=dict(
        type=dataset_type,
        data_root='data/vqav2',
        split='val',
        answers=answers,
        test_mode=True,
        pipeline=test_pipeline),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='lm4ve_mm.VQAv2Accuracy')
test_evaluator = val_evaluator
