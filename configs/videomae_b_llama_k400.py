"""VideoMAE ViT-B/16 + the frozen sixteenth layer of LLaMA-7B, Kinetics-400.

    bash tools/dist_train.sh configs/videomae_b_llama_k400.py 8 --amp \
        --auto-scale-lr

Not in the paper, and not trained here: there is no expected number. Data and
weights of the host: see videomae_b_k400.py; LLaMA-7B: checkpoints/llama-7b.
"""
_base_ = ['./videomae_b_k400.py', './_base_/llms/llama_7b_l15.py']
model = dict(
    # The neck owns pooling and final norm, because the block comes before.
    backbone=dict(type='lm4ve_mm.TokenVisionTransformer'),
    neck=dict(
        type='lm4ve_mm.FrozenLLMVideoNeck',
        in_channels=768,
        llm={{_base_.llm}}))
