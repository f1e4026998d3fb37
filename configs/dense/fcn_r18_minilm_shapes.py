"""FCN-ResNet18 with the frozen MiniLM layer at the bottleneck, on shapes.

    python tools/train.py configs/dense/fcn_r18_minilm_shapes.py
"""
_base_ = ['./fcn_r18_shapes.py', '../_base_/llms/minilm_l6.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone={{_base_.model.backbone}},
        in_channels=128,
        output_index=-1,
        llm={{_base_.llm}}))
