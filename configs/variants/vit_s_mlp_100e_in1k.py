"""Control: GELU and LayerNorm in the block's place, 100 epochs.

    bash tools/dist_train.sh configs/variants/vit_s_mlp_100e_in1k.py 4 --amp

Paper, section 5: are the maps around the block what helps?
Hardware and time: 4 A100, about 2 days (*paper*, for 100 epochs).
Expected top-1: 75.5 (*paper*, table A).
"""
_base_ = './vit_s_llama_100e_in1k.py'
# As wide as LLaMA-7B, so that the maps have as many parameters.
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096)))
