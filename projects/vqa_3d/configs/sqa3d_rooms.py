"""Small SQA3D on generated rooms: the host of the demo, no block.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_rooms.py

Not trained here yet: there is no expected number.
"""
_base_ = [
    './_base_/hosts/situated_qa_small.py', './_base_/datasets/rooms.py',
    './_base_/schedules/rooms.py', './_base_/vqa3d_runtime.py'
]
