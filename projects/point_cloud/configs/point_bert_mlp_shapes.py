"""Control: GELU and LayerNorm in the block's place, generated solids.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_mlp_shapes.py

Not trained here: there is no expected number.
"""
_base_ = ['./point_bert_minilm_shapes.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
