"""Control: GELU and LayerNorm in the block's place, generated rooms.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_mlp_rooms.py

Not trained here yet: there is no expected number.
"""
_base_ = ['./sqa3d_minilm_rooms.py']
model = dict(
    neck=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
