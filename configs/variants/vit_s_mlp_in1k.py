"""Control: GELU and LayerNorm in the place of the LLaMA layer.

    bash tools/dist_train.sh configs/variants/vit_s_mlp_in1k.py 4 --amp

Paper, section 5: are the maps around the block what helps?
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: 80.4 (*paper*, table 6).
"""
_base_ = '../vit_s_llama_in1k.py'
# As wide as LLaMA-7B, so that the maps have as many parameters.
model = dict(neck=dict(llm=dict(
    _delete_=True, type='lm4ve_mm.MLPLayer', hidden_dims=4096)))
