"""ViT-S/16 on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_s.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
80.1 / 57.2 / 20.5 / 28.9 / 42.1 (*paper*, table 1).
"""
_base_ = ['../vit_s_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
