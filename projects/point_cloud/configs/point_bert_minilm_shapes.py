"""The demo: small Point-BERT + the frozen last layer of MiniLM on solids."""
_base_ = ['./point_bert_shapes.py',
          '../../../configs/_base_/llms/minilm_l6.py']
model = dict(neck=dict(type='lm4ve_mm.FrozenLLMNeck', llm={{_base_.llm}}))
