"""Control: a random block of LLaMA's geometry, frozen, PB_T50_RS.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_llama_random_scanobjectnn_hardest.py

Not in the paper, and not trained here: there is no expected number.
"""
_base_ = ['./point_bert_llama_scanobjectnn_hardest.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
