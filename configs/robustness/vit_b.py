"""ViT-B/16 on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_b.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
80.6 / 60.5 / 23.4 / 31.9 / 43.5 (*paper*, table 1).
"""
_base_ = ['../vit_b_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
