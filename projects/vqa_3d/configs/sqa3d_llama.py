"""SQA3D + the frozen last layer of LLaMA-7B.

    python tools/train.py projects/vqa_3d/configs/sqa3d_llama.py

The block is among the proposals, behind the fusion. Hardware and time: not
stated in the paper.
Expected on test: EM@1 48.09, EM@10 89.03 (*paper*, tables 5 and E), within
about 0.2: the paper's figures by type weigh up to 48.25.
"""
_base_ = ['./sqa3d.py', './_base_/llms/llama_7b_3d.py']
model = dict(neck=dict(type='lm4ve_mm.TokenInsertNeck', llm={{_base_.llm}}))
