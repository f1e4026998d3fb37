"""Control: a random block of LLaMA's geometry, trained, Flickr30k.

    python tools/train.py \
        projects/vqa/configs/meter_llama_random_trained_flickr30k.py

The block learns at the rate of the maps.
Hardware and time: 4 A100, about 1 day (*paper*).
Expected recall of images on test: 49.80 % at 1, 81.62 % at 5, 89.72 % at 10
(*paper*, table B).
"""
_base_ = ['./meter_llama_flickr30k.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
