"""Blind baseline: situation and question alone, generated rooms.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_blind_rooms.py

Not trained here yet: there is no expected number.
"""
_base_ = ['./sqa3d_rooms.py']
model = dict(blind=True, detector=None)
