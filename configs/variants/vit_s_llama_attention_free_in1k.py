"""Control: the block's feed-forward part alone, token by token.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_attention_free_in1k.py 4 --amp

What attention in the block is worth.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(attention=False)))
