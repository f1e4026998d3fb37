"""Another language model: the last layer of GPT-2.

    bash tools/dist_train.sh configs/variants/vit_s_gpt2_in1k.py 4 --amp

A small block under a free licence (MIT): 7.1 M parameters.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(
    checkpoint='checkpoints/gpt2',
    obtain='hf download openai-community/gpt2 --local-dir {checkpoint}')))
