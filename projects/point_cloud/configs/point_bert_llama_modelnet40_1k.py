"""Point-BERT + the frozen last layer of LLaMA-7B on ModelNet40, 1024 points.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_llama_modelnet40_1k.py

Upstream published no config of this: the parts are those of ScanObjectNN.
Hardware and time: 4 A100, 6 to 10 hours (*paper*, for point clouds).
Expected accuracy: 92.42 (*paper*, table 2).
"""
_base_ = ['./point_bert_modelnet40_1k.py',
          './_base_/llms/llama_7b_points.py']
model = dict(neck=dict(type='lm4ve_mm.FrozenLLMNeck', llm={{_base_.llm}}))
# The three rates of the paper's code; the baseline's figure is of one.
optim_wrapper = dict(paramwise_cfg=dict(flat_lr_mult=0.1))
