"""Any registered backbone, with the frozen block after a named module."""

import difflib
from typing import Any, Optional, Tuple

from mmengine.model import BaseModule
from torch import nn

from lm4ve_mm.registry import MODELS

from .layers import build_layer
from .token_layouts import first_tensor, from_tokens, to_tokens

POSITIONS = ('head', 'middle', 'tail')


def find_module(root: nn.Module, name: str) -> nn.Module:
    """The sub-module of that name.

    Raises:
        ValueError: If there is none; names that come close are listed.
    """
    modules = dict(root.named_modules())
    if name and name in modules:
        return modules[name]
    close = difflib.get_close_matches(name, modules, n=5, cutoff=0.3)
    children = [child for child, _ in root.named_children()]
    raise ValueError(
        f'{type(root).__name__} has no module {name!r}; similar: '
        f'{", ".join(close) or "none"}; at the top: {", ".join(children)}')


@MODELS.register_module()
class FrozenLLMBackbone(BaseModule):
    """Wraps a backbone of any toolbox and inserts the layer into it.

    The wrapped backbone stays what it is, its weights' names included: the
    layer is attached as a hook on the named module. Every token's output is
    computed, since what follows may read them all; where only a class token
    is read, :class:`FrozenLLMNeck` costs far less.

    Args:
        backbone (dict): Config of the backbone, its ``type`` with scope.
        in_channels (int): Width of the tokens or map at the insertion.
        llm (dict): As in :class:`FrozenLLMNeck`.
        insert_after (str, optional): Name of a module of the backbone, such
            as ``layers.11`` or ``layer4``, whose output goes through the
            layer.
        blocks (str, optional): Instead: name of the backbone's list of
            blocks, such as ``layers``, for ``position`` to refer to.
        position (str): ``'tail'``: after the last block. ``'middle'``:
            after the first half of the blocks. ``'head'``: before the first
            (the three of arXiv 2310.12973, table D).
        channels_last (bool): Whether feature maps are (B, H, W, C).
        init_cfg (dict, optional): MMEngine's initialisation.

    Raises:
        ValueError: If the place does not exist, or is given twice or never.
    """

    def __init__(self,
                 backbone: dict,
                 in_channels: int,
                 llm: dict,
                 insert_after: Optional[str] = None,
                 blocks: Optional[str] = None,
                 position: str = 'tail',
                 channels_last: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if (insert_after is None) == (blocks is None):
            raise ValueError(
                'give either insert_after (a module) or blocks (a list of '
                f'modules), got {insert_after!r} and {blocks!r}')
        self.channels_last = channels_last
        self.backbone = MODELS.build(backbone)
        self.layer = build_layer(llm, in_channels)
        # Bound methods, not closures: copy.deepcopy (EMA) binds them to the
        # copy's own layer.
        if insert_after is not None:
            module = find_module(self.backbone, insert_after)
            module.register_forward_hook(self._after)
        else:
            module, before = self._place(blocks, position)
            if before:
                module.register_forward_pre_hook(self._before)
            else:
                module.register_forward_hook(self._after)

    def _place(self, blocks: str, position: str) -> Tuple[nn.Module, bool]:
        """The block to hook, and whether to hook in front of it."""
        if position not in POSITIONS:
            raise ValueError(f'position={position!r} is unknown; known: '
                             f'{", ".join(POSITIONS)}')
        found = find_module(self.backbone, blocks)
        if not isinstance(found, (nn.ModuleList, nn.Sequential)) or not found:
            raise ValueError(
                f'blocks={blocks!r} is a {type(found).__name__}, not a list '
                'of blocks; name the ModuleList, or use insert_after')
        if position == 'head':
            return found[0], True
        return found[-1 if position == 'tail' else len(found) // 2 - 1], False

    def _through_layer(self, value: Any) -> Any:
        """Replace the (first) tensor of ``value`` by the layer's output."""
        tensor, nested = first_tensor(value)
        tokens = self.layer(to_tokens(tensor, self.channels_last))
        out = from_tokens(tokens, tensor, self.channels_last)
        return type(value)([out, *value[1:]]) if nested else out

    def _after(self, module: nn.Module, args: tuple, output: Any) -> Any:
        return self._through_layer(output)

    def _before(self, module: nn.Module, args: tuple) -> tuple:
        return self._through_layer(args)

    def forward(self, *args, **kwargs) -> Any:
        """The wrapped backbone's own forward."""
        return self.backbone(*args, **kwargs)

    def get_layer_depth(self,
                        param_name: str,
                        prefix: str = '') -> Tuple[int, int]:
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
