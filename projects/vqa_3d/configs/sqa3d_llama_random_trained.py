"""Control: a random block of LLaMA's geometry, trained.

    python tools/train.py \
        projects/vqa_3d/configs/sqa3d_llama_random_trained.py

Hardware and time: not stated in the paper.
Expected on test: EM@1 47.26, EM@10 88.46 (*paper*, table B).
"""
_base_ = ['./sqa3d_llama.py']
# Only the configuration of the checkpoint is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random', trainable=True)))
