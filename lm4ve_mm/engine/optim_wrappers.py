"""Mixed precision on devices that MMEngine's wrapper refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from lm4ve_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Train under bfloat16 ``torch.autocast``, on any device.

    :class:`mmengine.optim.AmpOptimWrapper` asserts that there is a GPU, NPU,
    MLU or MUSA device, because its loss scaler needs one (mmengine 0.10.7,
    0.11.0rc3, onedl-mmengine 0.10.12). bfloat16 has float32's range and needs
    no scaler, and CPUs support it, so this is what ``--amp`` means there.

    Args:
        dtype (str or torch.dtype): ``'bfloat16'``, the only type that goes
            without a scaler. Defaults to ``'bfloat16'``.
        **kwargs: Passed to :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: If gradients of ``dtype`` would need loss scaling.
    """

    def __init__(self,
                 dtype: str | torch.dtype = 'bfloat16',
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if dtype not in ('bfloat16', torch.bfloat16):
            raise ValueError(
                'AutocastOptimWrapper has no loss scaling, so its dtype is '
                f'bfloat16, not {dtype}; for float16 use '
                'mmengine.AmpOptimWrapper on a GPU')
        self.dtype = torch.bfloat16

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast on the device that holds ``model``."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(
                device, dtype=self.dtype):
            yield
