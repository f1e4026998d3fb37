"""Control: a random block of MiniLM's geometry, frozen, generated rooms.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_minilm_random_rooms.py

Not trained here yet: there is no expected number.
"""
_base_ = ['./sqa3d_minilm_rooms.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
