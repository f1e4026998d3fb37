"""Point-BERT + the frozen last layer of LLaMA-7B, ModelNet few-shot.

    python tools/train.py \
        projects/point_cloud/configs/point_bert_llama_modelnet_fewshot.py

Not in the paper, and not trained here: there is no expected number.
"""
_base_ = ['./point_bert_modelnet_fewshot.py',
          './_base_/llms/llama_7b_points.py']
model = dict(neck=dict(type='lm4ve_mm.FrozenLLMNeck', llm={{_base_.llm}}))
# The three rates of the paper's code; the baseline's figure is of one.
optim_wrapper = dict(paramwise_cfg=dict(flat_lr_mult=0.1))
