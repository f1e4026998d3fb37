"""Ablation: the LLaMA layer is trained too, for 100 epochs.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_finetuned_100e_in1k.py 4 --amp

Better than frozen at this length, worse after 300 epochs.
Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 76.8 (*paper*, table A).
"""
_base_ = './vit_s_llama_100e_in1k.py'
# All 202 million weights of the block are saved in every checkpoint.
model = dict(neck=dict(llm=dict(trainable=True)))
