"""ViT-B/16 under attack: FGSM, one level of 255.

    python tools/test.py configs/robustness/vit_b_fgsm.py CHECKPOINT

The paper prints no figure: there is no expected number.
"""
_base_ = ['../vit_b_in1k.py']
test_cfg = dict(type='lm4ve_mm.AttackTestLoop', attack=dict(name='fgsm'))
