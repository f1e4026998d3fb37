"""ViT-T/16 on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_t.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
72.1 / 43.9 / 7.7 / 19.6 / 32.3 (*paper*, table 1).
"""
_base_ = ['../vit_t_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
