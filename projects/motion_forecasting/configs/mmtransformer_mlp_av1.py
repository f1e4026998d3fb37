"""Control: GELU and LayerNorm in the block's place, Argoverse 1.

    python tools/train.py \
        projects/motion_forecasting/configs/mmtransformer_mlp_av1.py

Hardware and time: 1 A100, about 2 days (*paper*).
Expected minADE / minFDE / miss rate on val, K=6: 0.74 / 1.16 / 11.8 %
(*paper*, table B).
"""
_base_ = ['./mmtransformer_llama_av1.py']
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='default')))
