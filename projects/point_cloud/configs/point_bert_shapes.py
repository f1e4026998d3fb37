"""Small Point-BERT on generated solids: the host of the demo, no block."""
_base_ = [
    './_base_/hosts/point_bert_tiny.py', './_base_/datasets/point_shapes.py',
    './_base_/schedules/point_shapes_20e.py', './_base_/point_runtime.py'
]
