"""ViT-B/16 + LLaMA on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_b_llama.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
81.7 / 62.1 / 26.9 / 33.2 / 44.3 (*paper*, table 1).
"""
_base_ = ['../vit_b_llama_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
