"""Variant: low-rank updates of the block's attention (LoRA).

    bash tools/dist_train.sh configs/variants/vit_s_llama_lora_in1k.py 4 --amp

Between frozen and fine-tuned; LUViT (arXiv 2507.00754) has LoRA in the block.
Only the updates are saved.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(lora=dict(
    rank=4, targets=('attn.q', 'attn.k', 'attn.v', 'attn.out')))))
