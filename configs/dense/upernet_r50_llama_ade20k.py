"""UPerNet-R50 + the frozen last layer of LLaMA-7B at the bottleneck, ADE20K.

    bash tools/dist_train.sh configs/dense/upernet_r50_llama_ade20k.py 4

Not in the paper, and not trained here: there is no expected number.
MMSegmentation's UPerNet-R50 alone has 42.05 mIoU (its model zoo).
"""
_base_ = ['mmseg::upernet/upernet_r50_4xb4-160k_ade20k-512x512.py',
          '../_base_/llms/llama_7b.py', '../_base_/hooks.py']
custom_imports = dict(imports=['lm4ve_mm.plugin', 'lm4ve_mm.dense'])
model = dict(
    pretrained=None,  # it is said below, within the wrapped backbone
    backbone=dict(
        _delete_=True,
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(
            _base_.model.backbone,
            type='mmseg.ResNetV1c',
            init_cfg=dict(
                type='mmengine.Pretrained',
                checkpoint=_base_.model.pretrained)),
        in_channels=2048,
        output_index=-1,
        llm={{_base_.llm}}))
# The model has its own.
data_preprocessor = None
auto_scale_lr = dict(enable=False, base_batch_size=16)
