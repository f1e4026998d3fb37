"""Control: a random block of MiniLM's geometry, frozen, on digits.

    python tools/train.py \
        projects/vqa/configs/meter_tiny_minilm_random_digits_vqa.py

Not trained here: there is no expected number.
"""
_base_ = ['./meter_tiny_minilm_digits_vqa.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
