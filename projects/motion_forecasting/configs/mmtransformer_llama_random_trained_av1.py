"""Control: a random block of LLaMA's geometry, trained, Argoverse 1.

    python tools/train.py \
        projects/motion_forecasting/configs/mmtransformer_llama_random_trained_av1.py

Hardware and time: 1 A100, about 2 days (*paper*).
Expected minADE / minFDE / miss rate on val, K=6: 0.74 / 1.15 / 11.5 %
(*paper*, table B).
"""
_base_ = ['./mmtransformer_llama_av1.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
