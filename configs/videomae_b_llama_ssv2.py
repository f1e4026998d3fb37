"""VideoMAE ViT-B/16 + a frozen layer of LLaMA-7B, Something-Something-v2.

    bash tools/dist_train.sh configs/videomae_b_llama_ssv2.py 4 --amp

Hardware and time: 4 A100, 3 to 4 days (*paper*).
Expected top-1 / top-5: 66.03 / 90.25, 1.06 and 0.75 more than
videomae_b_ssv2.py (*paper*, table 3).

The layer is index 15, as in the released code; the paper's text says the
last. See _base_/llms/llama_7b_l15.py, which has the option for the latter.
"""
_base_ = ['./videomae_b_ssv2.py', './_base_/llms/llama_7b_l15.py']
model = dict(
    # The neck owns pooling and final norm, because the block comes before.
    backbone=dict(type='lm4ve_mm.TokenVisionTransformer'),
    neck=dict(
        type='lm4ve_mm.FrozenLLMVideoNeck',
        in_channels=768,
        llm={{_base_.llm}}))
