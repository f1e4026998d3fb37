"""Control: GELU and LayerNorm in the block's place, VQAv2.

    python tools/train.py projects/vqa/configs/meter_mlp_vqav2.py

Accuracy: not measured, and not in the paper, which has this control for
Flickr30k alone.
"""
_base_ = ['./meter_llama_vqav2.py']
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='trunc_normal')))
