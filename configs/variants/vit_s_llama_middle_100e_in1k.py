"""Ablation: the LLaMA layer behind the sixth of the twelve blocks.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_middle_100e_in1k.py 4 --amp

The paper does not say which block is its middle; half of them is ours.
Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 75.55, against 75.84 at the tail (*paper*, table D).
"""
_base_ = ['./vit_s_100e_in1k.py', '../_base_/llms/llama_7b.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone={{_base_.model.backbone}},
        in_channels=384,
        blocks='layers',
        position='middle',
        llm={{_base_.llm}}))
