"""METER with CLIP-B/16 and RoBERTa on VQAv2, no pretraining.

    python tools/train.py projects/vqa/configs/meter_b16_vqav2.py

From METER's pretrained file, whose encoders take the place of the folders:
--cfg-options load_from=meter_clip16_224_roberta_pretrain.ckpt
model.image_encoder.init=random model.text_encoder.init=random
Accuracy: not measured, and not in the paper.
"""
_base_ = ['./meter_vqav2.py']
model = dict(
    image_encoder=dict(
        checkpoint='checkpoints/clip-vit-base-patch16',
        obtain='hf download openai/clip-vit-base-patch16 '
        '--local-dir {checkpoint}',
        config=dict(patch_size=16)))
