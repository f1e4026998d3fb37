"""Controls of a config: the same run with something else for the block."""

from collections.abc import Callable, Iterator
from copy import deepcopy

from mmengine.config import Config, ConfigDict

from lm4ve_mm.llm.weights.read import read_geometry
from lm4ve_mm.utils.errors import ConfigError

# What a control keeps of the block's config.
MAPS = ('map_bias', 'map_init')


def _host(llm: ConfigDict) -> ConfigDict:
    return ConfigDict(type='lm4ve_mm.NoLayer')


def _mlp(llm: ConfigDict) -> ConfigDict:
    kept = {key: llm[key] for key in MAPS if key in llm}
    return ConfigDict(
        type='lm4ve_mm.MLPLayer', hidden_dims=_width(llm), **kept)


def _random(llm: ConfigDict) -> ConfigDict:
    # Of the file only the configuration is read.
    kept = {key: llm[key] for key in llm if key != 'file_sha256'}
    return ConfigDict(kept, init='random')


def _random_trained(llm: ConfigDict) -> ConfigDict:
    return ConfigDict(_random(llm), trainable=True)


def _finetuned(llm: ConfigDict) -> ConfigDict:
    return ConfigDict(llm, trainable=True)


# Name -> what it makes of `llm`. The last is the config itself.
CONTROLS: dict[str, Callable[[ConfigDict], ConfigDict]] = dict(
    host=_host,
    random=_random,
    random_trained=_random_trained,
    mlp=_mlp,
    finetuned=_finetuned)
BLOCK = 'block'


def _width(llm: ConfigDict) -> int:
    """The width of the language model that a config names."""
    if 'geometry' in llm:
        return int(llm.geometry['width'])
    return int(read_geometry(str(llm.checkpoint), llm.get('layers', (-1, )),
                             llm.get('obtain')).geometry.width)


def derive(cfg: Config, control: str, seed: int,
           lr_mult: float = 1.) -> Config:
    """Make a control out of a config with a frozen block.

    Only ``llm`` is replaced, wherever the model has one, so that data,
    schedule and host stay what they are.

    Args:
        cfg: The merged config of the model with the frozen block.
        control: A key of :data:`CONTROLS`, or ``'block'`` for the config.
        seed: Of the training, and of the draw of a random block.
        lr_mult: Factor of the learning rate of blocks that are trained: the
            rate of a host trained from scratch destroys a pretrained block.

    Returns:
        Config: A new config.

    Raises:
        ConfigError: If there is no such control, or no frozen block.
    """
    if control != BLOCK and control not in CONTROLS:
        raise ConfigError(f'there is no control {control!r}; there are '
                          f'{", ".join(CONTROLS)}')
    made = deepcopy(cfg)
    holders = list(_holders(made.model))
    if not holders:
        raise ConfigError(
            'the config has no frozen block to compare with: no part of its '
            'model has a key llm. Give the config of the model with the '
            'block; the host alone is one of its controls')
    made.setdefault('randomness', ConfigDict())['seed'] = seed
    if control == BLOCK:
        return made
    trained = False
    for holder in holders:
        holder.llm = CONTROLS[control](holder.llm)
        trained |= bool(holder.llm.get('trainable'))
        if holder.llm.get('init') == 'random':
            holder.llm.seed = seed
    if trained and lr_mult != 1:
        _set_rate(made, lr_mult)
    return made


def _holders(part) -> Iterator[ConfigDict]:
    """Every dict in a model's config that has a frozen block."""
    if isinstance(part, dict):
        llm = part.get('llm')
        if isinstance(llm, dict) and llm.get(
                'type', 'FrozenLLMLayer').endswith('FrozenLLMLayer'):
            yield part
        for key, value in part.items():
            if key != 'llm':
                yield from _holders(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _holders(value)


def _set_rate(cfg: Config, lr_mult: float) -> None:
    """Slow down the weights of blocks that are trained."""
    groups = cfg.optim_wrapper.setdefault('paramwise_cfg', ConfigDict())
    groups.setdefault('custom_keys', ConfigDict())['layer.blocks'] = dict(
        lr_mult=lr_mult)
