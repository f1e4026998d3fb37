"""The study under attack: FGSM, four levels of 255, on 200 images.

    python tools/test.py CONFIG CHECKPOINT
"""
_base_ = ['../vit_tiny_minilm_photo_digits.py']
test_dataloader = dict(dataset=dict(indices=200))
test_cfg = dict(
    type='lm4ve_mm.AttackTestLoop', attack=dict(name='fgsm', eps=4., step=4.))
