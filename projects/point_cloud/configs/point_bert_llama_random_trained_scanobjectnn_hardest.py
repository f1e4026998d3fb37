"""Control: a random block of LLaMA's geometry, trained, PB_T50_RS.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_llama_random_trained_scanobjectnn_hardest.py

Hardware and time: 4 A100, 6 to 10 hours (*paper*, for the +LLaMA runs).
Expected accuracy: 82.6 (*paper*, table B).
"""
_base_ = ['./point_bert_llama_scanobjectnn_hardest.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
