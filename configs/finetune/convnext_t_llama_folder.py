"""A pretrained ConvNeXt-T + the frozen last layer of LLaMA-7B on your images.

    python tools/train.py configs/finetune/convnext_t_llama_folder.py \
        --cfg-options data_root=photos

photos/ holds train/CLASS/*.jpg and val/CLASS/*.jpg (docs/your_data.md).
Not trained here: there is no expected number.
"""
_base_ = [
    '../_base_/finetune.py', '../_base_/hosts/finetune_convnext_t.py',
    '../_base_/llms/llama_7b.py'
]
model = dict(backbone=dict(llm={{_base_.llm}}))
