"""Point-BERT on ScanObjectNN OBJ_ONLY: the paper's baseline.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_scanobjectnn_objectonly.py

Hardware and time: 4 A100, 6 to 10 hours (*paper*, for the +LLaMA runs).
Expected accuracy: 88.12 (*paper*, Point-BERT's own figure, without votes).
"""
_base_ = [
    './_base_/hosts/point_bert.py',
    './_base_/datasets/scanobjectnn_objectonly.py',
    './_base_/schedules/point_bert_301e.py', './_base_/point_runtime.py'
]
