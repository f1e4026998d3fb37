"""RetinaNet-R50 + the frozen last layer of LLaMA-7B behind C5, on COCO.

    bash tools/dist_train.sh configs/dense/retinanet_r50_llama_coco.py 8

Not in the paper, and not trained here: there is no expected number.
MMDetection's RetinaNet-R50 alone has 36.5 box AP (its model zoo).
"""
_base_ = ['mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
          '../_base_/llms/llama_7b.py', '../_base_/hooks.py']
custom_imports = dict(imports=['lm4ve_mm.plugin', 'lm4ve_mm.dense'])
model = dict(
    backbone=dict(
        _delete_=True,
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(_base_.model.backbone, type='mmdet.ResNet'),
        in_channels=2048,
        output_index=-1,
        llm={{_base_.llm}}))
