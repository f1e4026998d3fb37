"""Control: a random block of LLaMA's geometry, trained, OBJ_ONLY.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_llama_random_trained_scanobjectnn_objectonly.py

Hardware and time: 4 A100, 6 to 10 hours (*paper*, for the +LLaMA runs).
Expected accuracy: 88.0 (*paper*, table B).
"""
_base_ = ['./point_bert_llama_scanobjectnn_objectonly.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
