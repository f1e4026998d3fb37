"""Another language model: the last layer of LLaMA-3.1 8B.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_3_1_8b_in1k.py 4 --amp

Grouped key heads. MedVisionLlama (arXiv 2410.02458) takes this model.
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
model = dict(neck=dict(llm=dict(
    checkpoint='checkpoints/llama-3.1-8b',
    obtain='hf download meta-llama/Llama-3.1-8B --local-dir {checkpoint}')))
