_base_ = ['lm4ve_mm::finetune/vit_t_minilm_folder.py']
data_root = 'photos'
img_size = 64
model = dict(backbone=dict(init_cfg=dict(
    checkpoint='hf://timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k')))
