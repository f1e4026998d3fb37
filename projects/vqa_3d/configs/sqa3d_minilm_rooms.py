"""The demo: small SQA3D + the frozen last layer of MiniLM, generated rooms.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_minilm_rooms.py

Detector and answers are learnt jointly. Not trained to the end
here yet: there is no expected number.
"""
_base_ = ['./sqa3d_rooms.py', '../../../configs/_base_/llms/minilm_l6.py']
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
