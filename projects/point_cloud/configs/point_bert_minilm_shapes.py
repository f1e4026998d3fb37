"""The demo: small Point-BERT + the frozen last layer of MiniLM on solids.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_minilm_shapes.py

Hardware and time: 1 CPU core, 245 s of CPU time (*measured here*).
Accuracy on the 450 held-out clouds: 95.56 (*measured here*, seed 0).
"""
_base_ = ['./point_bert_shapes.py',
          '../../../configs/_base_/llms/minilm_l6.py']
model = dict(neck=dict(type='lm4ve_mm.FrozenLLMNeck', llm={{_base_.llm}}))
