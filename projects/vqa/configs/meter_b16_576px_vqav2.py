"""METER with CLIP-B/16 on VQAv2 in its own setting: 576 pixels, its rates.

    python tools/train.py projects/vqa/configs/meter_b16_576px_vqav2.py

As METER fine-tunes its pretrained file, see meter_b16_vqav2.py; its
fine-tuned file is tested as it is:

    python tools/test.py projects/vqa/configs/meter_b16_576px_vqav2.py \
        meter_clip16_288_roberta_vqa.ckpt

There is no expected number of the paper; the abstract of METER has 77.64 %
on test-std with pretraining.
"""
_base_ = ['./meter_b16_vqav2.py']
model = dict(image_encoder=dict(image_size=576))
optim_wrapper = dict(
    optimizer=dict(lr=5e-6), paramwise_cfg=dict(cross_modal_lr_mult=5.))
train_dataloader = dict(dataset=dict(pipeline=[
    *_base_.train_pipeline[:2],
    dict(type='lm4ve_mm.ResizeCrop', size=576),
    *_base_.train_pipeline[3:],
]))
val_dataloader = dict(dataset=dict(pipeline=[
    *_base_.test_pipeline[:1],
    dict(type='lm4ve_mm.ResizeCrop', size=576),
    *_base_.test_pipeline[2:],
]))
test_dataloader = val_dataloader
