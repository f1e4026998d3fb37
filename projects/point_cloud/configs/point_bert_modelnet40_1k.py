"""Point-BERT on ModelNet40, 1024 points: the paper's baseline.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_modelnet40_1k.py
    python tools/test.py --tta \
        projects/point_cloud/configs/point_bert_modelnet40_1k.py CHECKPOINT

Expected accuracy: 92.67, voted 93.24 (*paper*, Point-BERT's own figures).
Hardware and time: not published.
"""
_base_ = [
    './_base_/hosts/point_bert.py', './_base_/datasets/modelnet40_1k.py',
    './_base_/schedules/point_bert_301e.py', './_base_/point_runtime.py'
]
model = dict(head=dict(num_classes=40))
