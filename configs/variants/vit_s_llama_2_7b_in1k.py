"""Another language model: the last layer of LLaMA-2 7B.

    bash tools/dist_train.sh configs/variants/vit_s_llama_2_7b_in1k.py 4 --amp

Of the same geometry as LLaMA-1 7B, which the paper uses.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(
    checkpoint='checkpoints/llama-2-7b',
    obtain='hf download meta-llama/Llama-2-7b-hf --local-dir {checkpoint}')))
