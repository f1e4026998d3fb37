"""METER's parameter groups, and those of the inserted layer."""

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer
from lm4ve_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS
from lm4ve_mm.utils.errors import ConfigError

INSERTED = (FrozenLLMLayer, MLPLayer)
# Key of paramwise_cfg -> value.
DEFAULTS = dict(head_lr_mult=50., cross_modal_lr_mult=10.,
                inserted_lr_mult=10.)
PARTS = ('host', 'head', 'cross_modal', 'inserted')
# At the encoders' rate, although it is in the head.
RANK = 'rank_output'


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class METEROptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Sorts the trained parameters into groups by rate and decay.

    ===========  ============================================  ===========
    group        parameters                                    rate
    ===========  ============================================  ===========
    host         encoders, modality rows, the rank's map       lr
    head         the rest of the head                          lr x head
    cross_modal  named "cross_modal": projections, fusion,     lr x cross
                 poolers
    inserted     in the inserted layer                         lr x 10
    ===========  ============================================  ===========

    Each is split in two: names with "bias" and the weights of norms do not
    decay, except in modules that say ``norms_decay``: METER's exceptions
    miss the norms of CLIP and of its VQA head, which decay. What is frozen
    is in no group.

    ``paramwise_cfg`` takes ``head_lr_mult`` (50), ``cross_modal_lr_mult``
    (10) and ``inserted_lr_mult`` (10).

    Args:
        optim_wrapper_cfg: With ``optimizer``, whose ``lr`` and
            ``weight_decay`` the groups are made of.
        paramwise_cfg: See above.

    Raises:
        ConfigError: If ``paramwise_cfg`` has an unknown key, or the
            optimizer no ``lr`` or ``weight_decay``.
    """

    def __init__(self,
                 optim_wrapper_cfg: dict,
                 paramwise_cfg: dict | None = None) -> None:
        unknown = sorted(set(paramwise_cfg or {}) - set(DEFAULTS))
        if unknown:
            raise ConfigError(
                f'paramwise_cfg has {", ".join(unknown)}, which '
                f'{type(self).__name__} does not know; known: '
                f'{", ".join(DEFAULTS)}')
        # Never empty: the base would make a single group of it.
        super().__init__(optim_wrapper_cfg,
                         {**DEFAULTS, **(paramwise_cfg or {})})
        if self.base_lr is None or self.base_wd is None:
            raise ConfigError(
                'optimizer needs lr and weight_decay, of which the groups '
                f'are made; it is {self.optimizer_cfg}')

    def add_params(self, params: list[dict], module: nn.Module,
                   **kwargs) -> None:
        """Add the groups that are not empty.

        Args:
            params: The list to extend. ``name`` tells the groups apart; the
                rest is the optimizer's.
            module: The model.
            **kwargs: Of the base class, not needed.
        """
        inserted = _inside(module, INSERTED)
        spared = _norms(module)
        groups: dict[str, list] = {
            f'{part}{end}': [] for part in PARTS for end in ('', '_no_decay')}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            part = _part(name, id(parameter) in inserted)
            bare = 'bias' in name or id(parameter) in spared
            groups[f'{part}_no_decay' if bare else part].append(parameter)
        for group, members in groups.items():
            if members:
                part = group.removesuffix('_no_decay')
                params.append(dict(
                    params=members, name=group,
                    lr=self.base_lr * self.paramwise_cfg.get(
                        f'{part}_lr_mult', 1.),
                    weight_decay=self.base_wd if group == part else 0.))


def _part(name: str, inserted: bool) -> str:
    """Whose rate a parameter has; the first rule that holds."""
    if inserted:
        return 'inserted'
    if 'cross_modal' in name:
        return 'cross_modal'
    if name.startswith('head.') and RANK not in name:
        return 'head'
    return 'host'


def _inside(model: nn.Module, kinds: tuple[type, ...]) -> set[int]:
    """The parameters inside modules of some kinds."""
    return {id(parameter) for module in model.modules()
            if isinstance(module, kinds) for parameter in module.parameters()}


def _norms(model: nn.Module) -> set[int]:
    """The weights of norms that do not decay."""
    decays = {id(parameter) for module in model.modules()
              if getattr(module, 'norms_decay', False)
              for parameter in module.parameters()}
    norms = {id(parameter) for module in model.modules()
             if 'Norm' in type(module).__name__
             for parameter in module.parameters(recurse=False)}
    return norms - decays
