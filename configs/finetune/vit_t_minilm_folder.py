"""A pretrained ViT-T/16 + the frozen last layer of MiniLM on your images.

    python tools/train.py configs/finetune/vit_t_minilm_folder.py \
        --cfg-options data_root=photos

photos/ holds train/CLASS/*.jpg and val/CLASS/*.jpg (docs/your_data.md).
Not trained here: there is no expected number.
"""
_base_ = [
    '../_base_/finetune.py', '../_base_/hosts/finetune_vit_s16.py',
    '../_base_/llms/minilm_l6.py'
]
model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(
            checkpoint='checkpoints/vit_tiny_patch16_224',
            obtain='hf download timm/vit_tiny_patch16_224.augreg_in21k_'
            'ft_in1k --local-dir checkpoints/vit_tiny_patch16_224')),
    neck=dict(in_channels=192, llm={{_base_.llm}}),
    head=dict(in_channels=192))
