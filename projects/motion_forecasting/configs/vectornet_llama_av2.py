"""VectorNet + the frozen last layer of LLaMA-7B on Argoverse 2.

    python tools/train.py \
        projects/motion_forecasting/configs/vectornet_llama_av2.py

Not in the paper, and not trained here: there is no expected number.
"""
_base_ = ['./vectornet_av2.py', './_base_/llms/llama_7b_motion.py']
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
