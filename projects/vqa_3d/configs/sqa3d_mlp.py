"""Control: GELU and LayerNorm in the block's place.

    python tools/train.py projects/vqa_3d/configs/sqa3d_mlp.py

Hardware and time: not stated in the paper.
Expected on test: EM@1 47.14, EM@10 88.08 (*paper*, table B).
"""
_base_ = ['./sqa3d_llama.py']
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='default')))
