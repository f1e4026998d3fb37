"""FCN-ResNet18 with the frozen MiniLM layer at the bottleneck, on shapes.

    python tools/train.py configs/dense/fcn_r18_minilm_shapes.py

Hardware and time: CPU, 79 s of processor time on one thread (*measured
here*). mIoU on the 200 held-out images: 36.84 (*measured here*, seed 0).
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
