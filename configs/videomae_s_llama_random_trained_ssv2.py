"""Control: a random block of LLaMA-7B's geometry, trained, on SSv2.

    bash tools/dist_train.sh \
        configs/videomae_s_llama_random_trained_ssv2.py 4 --amp

What the capacity of the block is worth without pretraining.
Hardware and time: 4 A100, 3 to 4 days (*paper*, for the +LLaMA runs).
Expected top-1 / top-5: 64.1 / 88.8 (*paper*, table B).
"""
_base_ = ['./videomae_s_llama_ssv2.py']
# Of the checkpoint only the configuration is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
