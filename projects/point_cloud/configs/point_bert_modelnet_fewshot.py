"""Point-BERT on one ModelNet few-shot episode: 5 classes, 10 shots, fold 0.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_modelnet_fewshot.py

Report the mean of folds 0 to 9: give fold=N (and way, shot) to the dataset
of all three data loaders by --cfg-options, and way to model.head.num_classes.
Not in the paper, and not trained here: there is no expected number.
"""
_base_ = [
    './_base_/hosts/point_bert.py', './_base_/datasets/modelnet_fewshot.py',
    './_base_/schedules/point_bert_301e.py', './_base_/point_runtime.py'
]
model = dict(head=dict(num_classes=5))
