"""How the tokens of a kind of model lie in what it is shown.

Whoever has a model of another kind registers its layout once; after that
every tool that measures or draws tokens knows it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from lm4ve_mm.utils.errors import ConfigError

from .pictures import Picture


class Layout(NamedTuple):
    """What there is to know of a kind of model.

    Args:
        host: Model -> the module whose output are the tokens, all of them;
            looked at where the model has nothing inserted.
        pictures: (model, the batch's inputs, the same as preprocessed, how
            many tokens there are) -> for each sample a picture, and which
            tokens are places in it: the others are class tokens, or text.
        attention: Model -> the attention module in front of those tokens, or
            None. It must have ``qkv`` and ``num_heads``.
    """

    host: Callable[[nn.Module], nn.Module]
    pictures: Callable[[nn.Module, Any, Tensor, int],
                       tuple[list[Picture], slice]]
    attention: Callable[[nn.Module], nn.Module | None] = lambda model: None


_LAYOUTS: dict[type, Layout] = {}


def register_layout(kind: type, layout: Layout) -> None:
    """Say how the tokens of a class of models or backbones lie."""
    _LAYOUTS[kind] = layout


def layout_of(model: nn.Module) -> Layout:
    """The layout of a model; that of its backbone comes first.

    Raises:
        ConfigError: If neither is known.
    """
    backbone = getattr(model, 'backbone', None)
    for part in (getattr(backbone, 'backbone', None), backbone, model):
        for kind in type(part).__mro__:
            if kind in _LAYOUTS:
                return _LAYOUTS[kind]
    known = ', '.join(sorted(kind.__name__ for kind in _LAYOUTS))
    raise ConfigError(
        f'how the tokens of {type(model).__name__} lie in a picture is not '
        f'known; known: {known}. '
        'lm4ve_mm.analysis.layouts.register_layout makes it known')
