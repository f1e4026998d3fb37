"""ViT-S/16 + the frozen last layer of LLaMA-7B for 100 epochs.

    bash tools/dist_train.sh configs/variants/vit_s_llama_100e_in1k.py 4 --amp

Parent of the ablations that the paper ran for 100 epochs.
Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 75.84 (*paper*, table D; 75.8 in table A).
"""
_base_ = ['./vit_s_100e_in1k.py', '../_base_/llms/llama_7b.py']
model = dict(
    # The neck owns the final norm, because the block comes before it.
    backbone=dict(out_type='raw', final_norm=False),
    neck=dict(
        _delete_=True,  # the base has neck=None
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=384,
        llm={{_base_.llm}}))
