"""The three parameter groups of the paper's point cloud code."""

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer
from lm4ve_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS

INSERTED = (FrozenLLMLayer, MLPLayer)
# Key of paramwise_cfg -> value of the paper's code.
DEFAULTS = dict(
    map_lr_mult=0.5,
    map_decay_mult=0.,
    flat_lr_mult=0.1,
    flat_decay_mult=0.,
    flat_names=('token', ))


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ThreeRateOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Sorts the trained parameters into three groups; the first rule wins.

    ========  =======================================  ========  ======
    group     which                                    rate      decay
    ========  =======================================  ========  ======
    map       in the inserted layer                    lr x 0.5  none
    no_decay  1-D, a bias, or named "token"            lr x 0.1  none
    decay     the rest                                 lr        all
    ========  =======================================  ========  ======

    This is the code of arXiv 2310.12973. Its appendix says 5e-5 for the maps,
    which is what the code gives to norms and biases (``map_lr_mult=0.1`` is
    the appendix). Point-BERT itself has one rate for all: ``flat_lr_mult=1``.
    The position of the class token, ``cls_pos``, is 3-D and decays; the
    class token does not.

    ``paramwise_cfg`` takes:

    * ``map_lr_mult`` (0.5), ``map_decay_mult`` (0): of the inserted layer;
    * ``flat_lr_mult`` (0.1), ``flat_decay_mult`` (0): of the second group;
    * ``flat_names`` (``('token', )``): what makes a name part of it.

    Args:
        optim_wrapper_cfg (dict): With ``optimizer``, whose ``lr`` and
            ``weight_decay`` the factors multiply.
        paramwise_cfg (dict, optional): See above.

    Raises:
        ValueError: If ``paramwise_cfg`` has an unknown key, or the optimizer
            no ``lr`` or ``weight_decay``.
    """

    def __init__(self,
                 optim_wrapper_cfg: dict,
                 paramwise_cfg: dict | None = None) -> None:
        unknown = sorted(set(paramwise_cfg or {}) - set(DEFAULTS))
        if unknown:
            raise ValueError(
                f'paramwise_cfg has {", ".join(unknown)}, which '
                f'{type(self).__name__} does not know; known: '
                f'{", ".join(DEFAULTS)}')
        # Never empty: the base would make a single group of it.
        super().__init__(optim_wrapper_cfg,
                         {**DEFAULTS, **(paramwise_cfg or {})})
        if self.base_lr is None or self.base_wd is None:
            raise ValueError(
                'optimizer needs lr and weight_decay, which the factors of '
                f'paramwise_cfg multiply; it is {self.optimizer_cfg}')

    def add_params(self, params: list[dict], module: nn.Module,
                   **kwargs) -> None:
        """Add the groups that are not empty.

        Args:
            params (list[dict]): The list to extend. ``name`` tells the
                groups apart; the rest is the optimizer's.
            module (nn.Module): The model.
            **kwargs: Of the base class, not needed.
        """
        inserted = _parameters_inside(module)
        sorted_in: dict[str, list] = dict(decay=[], map=[], no_decay=[])
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                group = self._group(name, parameter, inserted)
                sorted_in[group].append(parameter)
        for group, members in sorted_in.items():
            if members:
                params.append(
                    dict(params=members, name=group, **self._rates(group)))

    def _group(self, name: str, parameter: nn.Parameter,
               inserted: set[int]) -> str:
        """The first rule that holds."""
        if id(parameter) in inserted:
            return 'map'
        flat_names = self.paramwise_cfg['flat_names']
        if (parameter.ndim == 1 or name.endswith('.bias')
                or any(part in name for part in flat_names)):
            return 'no_decay'
        return 'decay'

    def _rates(self, group: str) -> dict[str, float]:
        """Learning rate and weight decay of a group."""
        key = dict(map='map', no_decay='flat').get(group)
        lr_mult = self.paramwise_cfg[f'{key}_lr_mult'] if key else 1.
        decay_mult = self.paramwise_cfg[f'{key}_decay_mult'] if key else 1.
        return dict(
            lr=self.base_lr * lr_mult, weight_decay=self.base_wd * decay_mult)


def _parameters_inside(model: nn.Module) -> set[int]:
    """The parameters of every inserted layer."""
    return {
        id(parameter)
        for module in model.modules() if isinstance(module, INSERTED)
        for parameter in module.parameters()
    }
