"""Control: a random block of LLaMA-7B's geometry, trained.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_random_trained_in1k.py 4 --amp

What the capacity of the block is worth without pretraining.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: 76.9 (*paper*, table B).
"""
_base_ = '../vit_s_llama_in1k.py'
# Of the checkpoint only the configuration is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
