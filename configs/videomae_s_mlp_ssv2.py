"""Control: GELU and LayerNorm in the block's place, Something-Something-v2.

    bash tools/dist_train.sh configs/videomae_s_mlp_ssv2.py 4 --amp

Paper, section 5: are the maps around the block what helps?
Hardware and time: 4 A100, 3 to 4 days (*paper*, for the +LLaMA runs).
Expected top-1 / top-5: 63.8 / 88.9 (*paper*, table B).
"""
_base_ = ['./videomae_s_llama_ssv2.py']
# As wide as LLaMA-7B, so that the maps have as many parameters.
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096,
    map_init='default')))
