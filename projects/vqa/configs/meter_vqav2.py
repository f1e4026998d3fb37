"""METER with CLIP-B/32 and RoBERTa on VQAv2, no pretraining: the baseline.

    python tools/train.py projects/vqa/configs/meter_vqav2.py

The published figures are of test-dev, for which METER trains on train2014
and val2014: train_dataloader.dataset.split=trainval. By default it trains on
train2014 and is validated on val2014.
Hardware and time: 4 A100, about 1 day (*paper*).
Expected accuracy on test-dev: 69.60 % (yes/no 85.08, number 47.82, other
61.37) (*paper*, table 5).
"""
_base_ = [
    './_base_/hosts/meter_b32.py', './_base_/datasets/vqav2.py',
    './_base_/schedules/meter_10e.py', './_base_/meter_runtime.py'
]
model = dict(
    type='lm4ve_mm.METERForVQA',
    head=dict(
        type='lm4ve_mm.VQAHead', num_answers=3129, answers=_base_.answers))
default_hooks = dict(checkpoint=dict(save_best='vqa/overall'))
val_cfg = dict()
test_cfg = dict()
