"""Swin-T + the frozen last layer of LLaMA-7B: how a backbone is added.

    bash tools/dist_train.sh configs/swin_t_llama_in1k.py 16

Not in the paper, and not trained here: there is no expected number.
MMPretrain's Swin-T alone has 81.18 top-1 (its model zoo).
"""
_base_ = ['mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py',
          './_base_/llms/llama_7b.py', './_base_/hooks.py']
model = dict(neck=dict(
    _delete_=True, type='lm4ve_mm.FrozenLLMNeck', in_channels=768,
    llm={{_base_.llm}}, pooling='mean'))
