"""METER with CLIP-B/16 on Flickr30k in its own setting: 384 pixels, its rates.

    python tools/train.py projects/vqa/configs/meter_b16_384px_flickr30k.py

As METER fine-tunes its pretrained file, see meter_b16_vqav2.py; its
fine-tuned file is tested as it is:

    python tools/test.py projects/vqa/configs/meter_b16_384px_flickr30k.py \
        meter_clip16_288_roberta_flickr.ckpt

There is no expected number of the paper; other papers quote METER, with
pretraining, with a recall of 82.2 % at 1 for images and 94.3 % for texts.
"""
_base_ = ['./meter_b16_flickr30k.py']
model = dict(image_encoder=dict(image_size=384))
optim_wrapper = dict(
    optimizer=dict(lr=5e-6), paramwise_cfg=dict(cross_modal_lr_mult=5.))
train_dataloader = dict(dataset=dict(pipeline=[
    *_base_.train_pipeline[:2],
    dict(type='lm4ve_mm.ResizeCrop', size=384),
    *_base_.train_pipeline[3:],
]))
val_dataloader = dict(dataset=dict(pipeline=[
    *_base_.test_pipeline[:1],
    dict(type='lm4ve_mm.ResizeCrop', size=384),
    *_base_.test_pipeline[2:],
]))
test_dataloader = val_dataloader
