"""A pretrained ViT-S/16 + the frozen last layer of LLaMA-7B on your images.

    python tools/train.py configs/finetune/vit_s_llama_folder.py \
        --cfg-options data_root=photos

photos/ holds train/CLASS/*.jpg and val/CLASS/*.jpg (docs/your_data.md).
Not trained here: there is no expected number.
"""
_base_ = [
    '../_base_/finetune.py', '../_base_/hosts/finetune_vit_s16.py',
    '../_base_/llms/llama_7b.py'
]
model = dict(neck=dict(llm={{_base_.llm}}))
