"""The demo: small SQA3D + the frozen last layer of MiniLM, generated rooms.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_minilm_rooms.py

Detector and answers are learnt jointly. Time: 11 minutes of processor
time on one thread. EM@1 on test: 48.35, the prior of the question's type
31.34 (*measured here*, seed 0).
"""
_base_ = ['./sqa3d_rooms.py', '../../../configs/_base_/llms/minilm_l6.py']
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
