"""Control: a random block of LLaMA's geometry, trained, VQAv2.

    python tools/train.py \
        projects/vqa/configs/meter_llama_random_trained_vqav2.py

The block learns at the rate of the maps.
Accuracy: not measured, and not in the paper, which has this control for
Flickr30k alone.
"""
_base_ = ['./meter_llama_vqav2.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
