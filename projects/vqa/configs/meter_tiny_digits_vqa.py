"""Small METER on handwritten digits: the host of the demo, no block.

    python tools/train.py projects/vqa/configs/meter_tiny_digits_vqa.py

Accuracy on the 2,776 test questions: 94.94 (*measured here*, seed 0).
"""
_base_ = [
    './_base_/hosts/meter_tiny.py', './_base_/datasets/digits_vqa.py',
    './_base_/schedules/digits_vqa_3e.py', './_base_/digits_runtime.py'
]
