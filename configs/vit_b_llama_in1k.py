"""ViT-B/16 + the frozen last layer of LLaMA-7B on ImageNet-1k.

    bash tools/dist_train.sh configs/vit_b_llama_in1k.py 4 --amp

Hardware and time: 4 A100, 4 to 6 days (*paper*).
Expected top-1: 81.7, 1.1 more than vit_b_in1k.py (*paper*, table 1).
"""
_base_ = ['./vit_b_in1k.py', './_base_/llms/llama_7b.py']
model = dict(
    # The neck owns the final norm, because the block comes before it.
    backbone=dict(out_type='raw', final_norm=False),
    neck=dict(
        _delete_=True,  # the base has neck=None
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=768,
        llm={{_base_.llm}}))
