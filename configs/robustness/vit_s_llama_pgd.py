"""ViT-S/16 + LLaMA under attack: PGD, five steps within one level of 255.

    python tools/test.py configs/robustness/vit_s_llama_pgd.py CHECKPOINT

The paper prints no figure: there is no expected number.
"""
_base_ = ['../vit_s_llama_in1k.py']
test_cfg = dict(type='lm4ve_mm.AttackTestLoop', attack=dict(name='pgd'))
