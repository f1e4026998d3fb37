"""Variant: random maps that only low-rank updates train (LoRA).

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_lora_maps_in1k.py 4 --amp

As the code of MedVisionLlama (arXiv 2410.02458), which has residual="in" too.
The weights of the maps are drawn by llm.seed and not saved.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(
    residual='in', lora=dict(rank=4, targets=('map_in', 'map_out')))))
