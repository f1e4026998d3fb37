"""METER with CLIP-B/16 and RoBERTa on Flickr30k, no pretraining.

    python tools/train.py projects/vqa/configs/meter_b16_flickr30k.py

For METER's pretrained file see meter_b16_vqav2.py.
Recall: not measured, and not in the paper.
"""
_base_ = ['./meter_flickr30k.py']
model = dict(
    image_encoder=dict(
        checkpoint='checkpoints/clip-vit-base-patch16',
        obtain='hf download openai/clip-vit-base-patch16 '
        '--local-dir {checkpoint}',
        config=dict(patch_size=16)))
