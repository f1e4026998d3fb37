"""METER with CLIP-B/32 and RoBERTa on Flickr30k, no pretraining: the baseline.

    python tools/train.py projects/vqa/configs/meter_flickr30k.py

Trained on train and val, tested on test: 1,000 images with 5,000 captions,
which are 5,000,000 pairs; val_cfg.num_images and val_cfg.num_texts take a
part of them.
Hardware and time: 4 A100, about 1 day (*paper*).
Expected recall of images on test: 49.66 % at 1, 80.86 % at 5, 89.48 % at 10
(*paper*, table 5).
"""
_base_ = [
    './_base_/hosts/meter_b32.py', './_base_/datasets/flickr30k.py',
    './_base_/schedules/meter_10e.py', './_base_/meter_runtime.py'
]
model = dict(
    type='lm4ve_mm.METERForRetrieval',
    head=dict(type='lm4ve_mm.RetrievalHead'))
optim_wrapper = dict(paramwise_cfg=dict(head_lr_mult=5.))
# The paper evaluates on test; there is no other split left to choose on.
default_hooks = dict(checkpoint=dict(save_best='retrieval/IR@1'))
# The 5,000,000 pairs in bf16; METER ranks under autocast too.
val_cfg = dict(bf16=True)
test_cfg = dict(bf16=True)
