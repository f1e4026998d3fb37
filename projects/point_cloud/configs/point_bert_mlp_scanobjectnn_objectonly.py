"""Control: GELU and LayerNorm in the block's place, OBJ_ONLY.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_mlp_scanobjectnn_objectonly.py

Hardware and time: 4 A100, 6 to 10 hours (*paper*, for the +LLaMA runs).
Expected accuracy: 87.3 (*paper*, table B).
"""
_base_ = ['./point_bert_llama_scanobjectnn_objectonly.py']
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='default')))
