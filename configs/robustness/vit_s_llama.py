"""ViT-S/16 + LLaMA on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_s_llama.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
80.7 / 58.7 / 22.7 / 30.5 / 42.8 (*paper*, table 1).
"""
_base_ = ['../vit_s_llama_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
