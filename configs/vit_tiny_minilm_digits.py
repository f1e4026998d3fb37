"""ViT-tiny + frozen MiniLM."""
_base_ = ['./vit_tiny_digits.py', './_base_/llms/minilm_l6.py']
model = dict(
    backbone=dict(out_type='raw', final_norm=False),
    neck=dict(
        _delete_=True,
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=192,
        llm={{_base_.llm}}))
