"""METER with Swin-B and RoBERTa on VQAv2, no pretraining.

    python tools/train.py projects/vqa/configs/meter_swin_vqav2.py

At 384 pixels, as METER's pretrained file meter_swinbase_384: image_size of
the encoder and size in the three pipelines. Windows are a 32nd of it.
Accuracy: not measured, and not in the paper.
"""
_base_ = ['./meter_vqav2.py']
# ImageNet's statistics, times 255.
data_preprocessor = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
model = dict(
    image_encoder=dict(
        _delete_=True,
        type='lm4ve_mm.SwinTower',
        checkpoint='checkpoints/swin-base-patch4-window7-224-in22k',
        obtain='hf download microsoft/swin-base-patch4-window7-224-in22k '
        '--local-dir {checkpoint}',
        config=dict(
            model_type='swin',
            image_size=224,
            patch_size=4,
            embed_dim=128,
            depths=[2, 2, 18, 2],
            num_heads=[4, 8, 16, 32],
            window_size=7),
        image_size=224))
