"""Whether all processes of a run hold the same frozen blocks."""

from collections.abc import Mapping
from typing import Any

from mmengine.dist import all_gather_object

from lm4ve_mm.llm import BlockMismatchError, FrozenLLMLayer

# Where a block lies and what its file is called may differ by machine.
PLACES = ('checkpoint', 'source', 'dtype')


def _plain(value: Any) -> Any:
    """Without the places, in values that can be compared and printed."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()
                if key not in PLACES}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def summary(layer: FrozenLLMLayer) -> dict:
    """What has to be equal: digest, layers and function of a layer."""
    said = _plain(layer.describe())
    return {**said, **said.pop('function')}


def compare_ranks(layers: Mapping[str, FrozenLLMLayer]) -> None:
    """Compare the layers of this process with those of all others.

    Every process has to call it.

    Args:
        layers: The layers of the model, by name.

    Raises:
        BlockMismatchError: In every process, if any differ from rank 0's.
    """
    mine = {name: summary(layer) for name, layer in layers.items()}
    texts = {name: str(layer.identity) for name, layer in layers.items()}
    gathered = all_gather_object((mine, texts))
    first, first_texts = gathered[0]
    for rank, (held, held_texts) in enumerate(gathered):
        if held == first:
            continue
        differing = [str(r) for r, (other, _) in enumerate(gathered)
                     if other != first]
        name = next(name for name in {**first, **held}
                    if first.get(name) != held.get(name))
        raise BlockMismatchError(
            f'the processes hold different blocks: rank {", ".join(differing)}'
            f' differ from rank 0. In {name}, rank 0 has '
            f'{first_texts.get(name)}{_differing(first, held, name)}; rank '
            f'{rank} has {held_texts.get(name)}'
            f'{_differing(held, first, name)}. Give every machine the same '
            'checkpoint (llm.checkpoint) and the same config')


def _differing(one: dict, other: dict, name: str) -> str:
    """The keys of a layer that differ from the other's."""
    one, other = one.get(name) or {}, other.get(name) or {}
    keys = [key for key in one
            if key != 'identity' and one[key] != other.get(key)]
    return ''.join(f', {key}={one[key]!r}' for key in keys)
