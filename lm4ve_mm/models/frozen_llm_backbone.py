"""Any registered backbone, with the frozen block after a named module."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from .insertion import find_place
from .layers import build_layer
from .token_layouts import (
    first_tensor,
    from_tokens,
    only_tensor,
    replaced,
    to_tokens,
)

HOST = 'backbone.'

@MODELS.register_module()
class FrozenLLMBackbone(BaseModule):
    """Wraps a backbone of any toolbox and inserts the layer into it.

    The wrapped backbone stays what it is, its weights' names included: the
    layer is attached as a hook on the named module. Every token's output is
    computed, since what follows may read them all; where only a class token
    is read, :class:`FrozenLLMNeck` costs far less.

    Its weights are saved as ``backbone.*`` and ``layer.*``. It loads those,
    and also the weights of the host alone, under the host's own names.

    Args:
        backbone (dict): Config of the backbone, its ``type`` with scope.
        in_channels (int): Width of the tokens or map at the insertion.
        llm (dict): As in :class:`FrozenLLMNeck`.
        insert_after (str, optional): Name of a module of the backbone, such
            as ``layers.11`` or ``layer4``, whose output goes through the
            layer. Without it and ``blocks``, that module is the backbone
            itself, and ``output_index`` has to be given.
        blocks (str, optional): Instead: name of the backbone's list of
            blocks, such as ``layers``, for ``position`` to refer to.
        position (str): ``'tail'``: after the last block. ``'middle'``:
            after the first half of the blocks. ``'head'``: before the first
            (the three of arXiv 2310.12973, table D).
        channels_last (bool): Whether feature maps are (B, H, W, C).
        output_index (int, optional): Which item goes through the layer where
            the module gives several tensors; without it they are refused.
            Of a backbone's maps of several scales, -1 is the last, the
            bottleneck of a segmentor.
        init_cfg (dict, optional): MMEngine's initialisation.

    Raises:
        ValueError: If the place does not exist, is given twice or never, or
            is a list of modules, which is never called; in the forward pass,
            if the item does not exist or is not known.
    """

    def __init__(self,
                 backbone: dict,
                 in_channels: int,
                 llm: dict,
                 insert_after: str | None = None,
                 blocks: str | None = None,
                 position: str = 'tail',
                 channels_last: bool = False,
                 output_index: int | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        absent = [insert_after, blocks].count(None)
        if absent == 0 or (absent == 2 and output_index is None):
            raise ValueError(
                'give either insert_after (a module), or blocks (a list of '
                'modules), or output_index alone (one of the maps that the '
                f'backbone gives), got {insert_after!r}, {blocks!r} and '
                f'{output_index!r}')
        self.channels_last = channels_last
        self.output_index = output_index
        self.backbone = MODELS.build(backbone)
        self.layer = build_layer(llm, in_channels)
        module, before = find_place(self.backbone, insert_after, blocks,
                                    position)
        # Bound methods, not closures: copy.deepcopy (EMA) binds them to the
        # copy's own layer.
        if before:
            module.register_forward_pre_hook(self._before)
        else:
            module.register_forward_hook(self._after)

    def _through_layer(self, tensor: Tensor) -> Tensor:
        """The layer's output, in the layout of its input."""
        tokens = self.layer(to_tokens(tensor, self.channels_last))
        return from_tokens(tokens, tensor, self.channels_last)

    def _after(self, module: nn.Module, args: tuple, output: Any) -> Any:
        tensor = only_tensor(output, self.output_index)
        return replaced(output, tensor, self._through_layer(tensor))

    def _before(self, module: nn.Module, args: tuple) -> tuple:
        tensor, _ = first_tensor(args)
        return replaced(args, tensor, self._through_layer(tensor))

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        """Take the weights of the host alone, too."""
        given = [name.removeprefix(prefix) for name in state_dict
                 if name.startswith(prefix)]
        if given and not any(n.startswith((HOST, 'layer.')) for n in given):
            for name in given:
                state_dict[f'{prefix}{HOST}{name}'] = state_dict.pop(
                    f'{prefix}{name}')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, *args, **kwargs) -> Any:
        """The wrapped backbone's own forward."""
        return self.backbone(*args, **kwargs)

    def get_layer_depth(self,
                        param_name: str,
                        prefix: str = '') -> tuple[int, int]:
        """Depths for layer-wise learning rates: the host's own, maps last.

        Args:
            param_name (str): Full name of the parameter.
            prefix (str): Name of this module, with a dot.

        Returns:
            tuple: Depth of the parameter, number of depths.

        Raises:
            NotImplementedError: If the host does not define depths.
        """
        depth_of = getattr(self.backbone, 'get_layer_depth', None)
        if depth_of is None:
            raise NotImplementedError(
                f'{type(self.backbone).__name__} defines no layer depths; use '
                'an optimizer constructor without layer decay')
        return depth_of(param_name, f'{prefix}backbone.')
