"""Control: a random block of MiniLM's geometry, frozen, on digits.

    python tools/train.py \
        projects/vqa/configs/meter_tiny_minilm_random_digits_vqa.py

Hardware and time: as the demo's.
Accuracy on the 2,776 test questions: 82.55 (*measured here*, seed 0).
"""
_base_ = ['./meter_tiny_minilm_digits_vqa.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
