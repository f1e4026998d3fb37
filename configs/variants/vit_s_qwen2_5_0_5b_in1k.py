"""Another language model: the last layer of Qwen2.5-0.5B.

    bash tools/dist_train.sh \
        configs/variants/vit_s_qwen2_5_0_5b_in1k.py 4 --amp

A small block under a free licence (Apache-2.0): 14.9 M parameters.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(
    checkpoint='checkpoints/qwen2.5-0.5b',
    obtain='hf download Qwen/Qwen2.5-0.5B --local-dir {checkpoint}')))
