"""ViT-T/16 + LLaMA on ImageNet-C, -A, -Sketch, -R and V2.

    python tools/test.py configs/robustness/vit_t_llama.py CHECKPOINT

Expected on ImageNet / C (mean) / A / Sketch / R:
73.2 / 45.8 / 8.7 / 20.6 / 33.8 (*paper*, table 1).
"""
_base_ = ['../vit_t_llama_in1k.py', '../_base_/datasets/robustness.py']
test_dataloader = {{_base_.robustness_dataloader}}
test_evaluator = {{_base_.robustness_evaluator}}
