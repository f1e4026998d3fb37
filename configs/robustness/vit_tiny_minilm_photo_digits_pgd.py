"""The study under attack: PGD, five steps, four levels of 255, on 200 images.

    python tools/test.py CONFIG CHECKPOINT
"""
_base_ = ['../vit_tiny_minilm_photo_digits.py']
test_dataloader = dict(dataset=dict(indices=200))
test_cfg = dict(
    type='lm4ve_mm.AttackTestLoop', attack=dict(name='pgd', eps=4., step=1.))
