"""VectorNet + the frozen last layer of LLaMA-7B on Argoverse 1.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_llama_av1.py

Hardware and time: 1 A100, about 2 days (*paper*).
Expected minADE / minFDE / miss rate on val, K=6: 0.76 / 1.20 / 12.7 %
(*paper*, table 4).
"""
_base_ = ['./vectornet_av1.py', './_base_/llms/llama_7b_motion.py']
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
