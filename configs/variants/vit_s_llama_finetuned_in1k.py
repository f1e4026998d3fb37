"""Ablation: the LLaMA layer is trained too.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_finetuned_in1k.py 4 --amp

It overfits: better than frozen after 100 epochs, worse after 300.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: 78.9 (*paper*, table 6).
"""
_base_ = '../vit_s_llama_in1k.py'
# All 202 million weights of the block are saved in every checkpoint.
model = dict(neck=dict(llm=dict(trainable=True)))
