"""ConvNeXt-T + the frozen last layer of LLaMA-7B: how a backbone is added.

    bash tools/dist_train.sh configs/convnext_t_llama_in1k.py 8 --auto-scale-lr

Not in the paper, and not trained here: there is no expected number.
mmpretrain's ConvNeXt-T alone has 82.14 top-1 (its model zoo).
"""
_base_ = [
    'mmpretrain::convnext/convnext-tiny_32xb128_in1k.py',
    './_base_/llms/llama_7b.py', './_base_/plugin.py'
]
# A feature map of 49 tokens instead of its mean; the neck takes the mean.
model = dict(
    backbone=dict(gap_before_final_norm=False),
    neck=dict(
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=768,
        llm={{_base_.llm}},
        pooling='mean'))
custom_hooks = _base_.custom_hooks + [
    dict(type='lm4ve_mm.FreezeLLMHook'),
    dict(type='lm4ve_mm.PlainCheckpointHook')
]
