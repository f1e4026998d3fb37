"""What stands in for mmcv's compiled operators.

A usual detector or segmentor calls three of them, which torchvision has too.
All others say that they are absent when they are called.
"""

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchvision import ops


def stand_in(name: str) -> ModuleType:
    """A module with every operator that ``mmcv.ops`` may ask for."""
    module = ModuleType(name, __doc__)
    # Without a loader: mmcv's check_ops_exist goes on to say no.
    module.__spec__ = ModuleSpec(name, None)
    for operator in (nms, roi_align_forward, roi_align_backward,
                     sigmoid_focal_loss_forward, sigmoid_focal_loss_backward):
        setattr(module, operator.__name__, operator)
    module.__getattr__ = _absent
    return module


def _absent(name: str) -> Callable:
    """An operator that is not here; for any name but special ones."""
    if name.startswith('__'):
        raise AttributeError(name)

    def refuse(*args, **kwargs) -> None:
        raise NotImplementedError(
            f'{name} is a compiled operator of mmcv, which mmcv-lite and the '
            'pure-Python onedl-mmcv lack; lm4ve_mm.compat replaces nms, '
            'roi_align and sigmoid_focal_loss alone. Put the full mmcv in its '
            'place (pip uninstall mmcv-lite; mim install "mmcv>=2.1,<2.2"), '
            'or choose a model that does without')

    return refuse


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float,
        offset: int) -> Tensor:
    """Indices of the boxes that are kept, by falling score.

    Args:
        boxes: (N, 4), corners.
        scores: (N, ).
        iou_threshold: Boxes that overlap more are suppressed.
        offset: 1 if the far corners are inside the boxes, else 0.
    """
    far = boxes.new_tensor([0, 0, offset, offset])
    return ops.nms(boxes + far, scores, iou_threshold)


def _roi_align(maps: Tensor, rois: Tensor, options: dict[str, Any]) -> Tensor:
    """Torchvision's, with mmcv's options."""
    if options['pool_mode'] != 1:
        _absent("roi_align with pool_mode='max'")()
    return ops.roi_align(
        maps, rois, (options['aligned_height'], options['aligned_width']),
        options['spatial_scale'], options['sampling_ratio'],
        options['aligned'])


def roi_align_forward(maps: Tensor, rois: Tensor, output: Tensor,
                      argmax_y: Tensor, argmax_x: Tensor, **options) -> None:
    """Pool regions of maps into ``output``.

    Args:
        maps: (B, C, H, W).
        rois: (N, 5), index and corners.
        output: (N, C, h, w), is filled.
        argmax_y: Of maximum pooling, which is refused.
        argmax_x: The same.
        **options: ``aligned_height``, ``aligned_width``, ``spatial_scale``,
            ``sampling_ratio``, ``pool_mode`` (1: average), ``aligned``.
    """
    output.copy_(_roi_align(maps, rois, options))


def roi_align_backward(grad_output: Tensor, rois: Tensor, argmax_y: Tensor,
                       argmax_x: Tensor, grad_input: Tensor,
                       **options) -> None:
    """Fill ``grad_input`` (B, C, H, W) from ``grad_output`` (N, C, h, w)."""
    # Linear in the maps: the gradient is the same at zero.
    with torch.enable_grad():
        maps = torch.zeros_like(grad_input, requires_grad=True)
        pooled = _roi_align(maps, rois, options)
        grad_input.copy_(torch.autograd.grad(pooled, maps, grad_output)[0])


def _focal_loss(scores: Tensor, target: Tensor, weight: Tensor, gamma: float,
                alpha: float) -> Tensor:
    """Torchvision's, of classes instead of zeros and ones."""
    if weight.numel():
        _absent('sigmoid_focal_loss with weight')()
    classes = scores.size(1)
    wanted = one_hot(target, classes + 1)[:, :classes].to(scores)
    return ops.sigmoid_focal_loss(scores, wanted, alpha, gamma)


def sigmoid_focal_loss_forward(scores: Tensor, target: Tensor, weight: Tensor,
                               output: Tensor, gamma: float,
                               alpha: float) -> None:
    """Fill ``output`` with the focal loss.

    Args:
        scores: (N, C), before the sigmoid.
        target: (N, ), classes; C is the background.
        weight: Empty; weights of classes are refused.
        output: (N, C), is filled.
        gamma: Exponent of the modulating factor.
        alpha: Balance of the foreground.
    """
    output.copy_(_focal_loss(scores, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(scores: Tensor, target: Tensor,
                                weight: Tensor, grad_input: Tensor,
                                gamma: float, alpha: float) -> None:
    """Fill ``grad_input`` (N, C) with the gradient of the loss's sum."""
    with torch.enable_grad():
        scores = scores.detach().requires_grad_()
        total = _focal_loss(scores, target, weight, gamma, alpha).sum()
        grad_input.copy_(torch.autograd.grad(total, scores)[0])
