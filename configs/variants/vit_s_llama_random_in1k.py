"""Control: a random block of LLaMA-7B's geometry, frozen.

    bash tools/dist_train.sh \
        configs/variants/vit_s_llama_random_in1k.py 4 --amp

Is it the pretraining that helps, or any fixed block of this shape?
Hardware and time: 4 A100, 4 to 6 days (*paper*, for the LLaMA layer).
Expected top-1: not measured, and not in the paper.
"""
_base_ = '../vit_s_llama_in1k.py'
# Of the checkpoint only the configuration is read, for the geometry.
model = dict(neck=dict(llm=dict(init='random')))
