"""Control: GELU and LayerNorm in the block's place, Flickr30k.

    python tools/train.py projects/vqa/configs/meter_mlp_flickr30k.py

Hardware and time: 4 A100, about 1 day (*paper*).
Expected recall of images on test: 49.48 % at 1, 81.12 % at 5, 89.58 % at 10
(*paper*, table B).
"""
_base_ = ['./meter_llama_flickr30k.py']
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='trunc_normal')))
