"""Brings the files that others have published into our models' names.

What is common to all of them: a table of names, a strict comparison, and
LLaMA's block, which the files of arXiv 2310.12973 have inside.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from lm4ve_mm.llm import (
    BlockMismatchError,
    Blocks,
    CheckpointError,
    FrozenLLMLayer,
)
from lm4ve_mm.llm.verified_layer import FUNCTION_KEY

from .block import BLOCK_INDEX, published_block
from .block import PREFIX as BLOCK_PREFIX

# Where the layer is in a model of ours.
LAYER = 'neck.layer.'
# (pattern that matches a whole published name, our name).
Renames = Sequence[tuple[str, str]]
Shapes = Mapping[str, tuple[int, ...]]
# What training scripts put their tensors under.
CONTAINERS = ('state_dict', 'model', 'module')


class Translated(NamedTuple):
    """A published file in our names.

    Attributes:
        kind: Such as ``'pretraining'`` or ``'fine-tuned'``.
        weights: Our name -> tensor, all of which the model has.
        missing: Names of the model that the file lacks.
        unexpected: Names of the file that the model lacks.
        block: LLaMA's block, where the file holds one.
    """

    kind: str
    weights: dict[str, Tensor]
    missing: list[str]
    unexpected: list[str]
    block: Blocks | None


class Names(NamedTuple):
    """The names in the files of one publisher.

    Attributes:
        knows: Whether these tensors are under such names.
        renames: Published name -> our name in a model with a neck of ours.
        kind: Name -> tensor -> the kind of file.
        other_block: What to do where a file was trained around another
            block than the model's.
        layer: Index in LLaMA of the block in such files.
        prefixes: What may stand in front of the published names.
        dropped: Pattern of names that a classifier has no use for.
        computed: Pattern of our names that such files need not hold, since
            the model computes them.
        spare: Pattern of published names that a backbone may leave unused;
            None where nothing is known.
        values: Published name, tensor -> the tensor as our model has it.
    """

    knows: Callable[[Mapping[str, Tensor]], bool]
    renames: Renames
    kind: Callable[[Mapping[str, Tensor]], str]
    other_block: str
    layer: int = BLOCK_INDEX
    prefixes: tuple[str, ...] = ()
    dropped: str = ''
    computed: str = ''
    spare: str | None = None
    values: Callable[[str, Tensor], Tensor] | None = None


def timm_renames(blocks: str, feed_forward: str) -> Renames:
    """What the ViTs of all toolboxes call alike, timm's name first.

    Args:
        blocks: What the toolbox calls timm's ``blocks``.
        feed_forward: What it calls ``mlp``.
    """
    ffn = rf'{blocks}.\1.{feed_forward}.layers'
    return (
        (r'(cls_token|pos_embed|dist_token)', r'backbone.\1'),
        (r'patch_embed\.proj\.(.+)', r'backbone.patch_embed.projection.\1'),
        (r'blocks\.(\d+)\.attn\.(.+)', rf'backbone.{blocks}.\1.attn.\2'),
        (r'blocks\.(\d+)\.mlp\.fc1\.(.+)', rf'backbone.{ffn}.0.0.\2'),
        (r'blocks\.(\d+)\.mlp\.fc2\.(.+)', rf'backbone.{ffn}.1.\2'),
        (r'llama_dim_mapper1\.(.+)', rf'{LAYER}map_in.\1'),
        (r'llama_dim_mapper2\.(.+)', rf'{LAYER}map_out.\1'))


def other_block(tool: str) -> str:
    """What to do where a file was trained around another block."""
    return (
        'Point model.neck.llm.checkpoint at the same language model and '
        "layer, or use the file's own block: python tools/model_converters/"
        f'{tool}.py FILE --block BLOCK.safetensors, then '
        'model.neck.llm.checkpoint=BLOCK.safetensors')


def unwrapped(state: Mapping) -> dict[str, Tensor]:
    """The tensors of a file, without container and wrapper's prefix."""
    held = next((state[key] for key in CONTAINERS
                 if isinstance(state.get(key), Mapping)), state)
    return {str(name).removeprefix('module.'): tensor
            for name, tensor in held.items()}


def has_patches(held: Mapping[str, Any], dims: int,
                *prefixes: str) -> bool:
    """Whether timm's patch embedding is there, of so many dimensions.

    Images have kernels of 4 dimensions, (C, 3, P, P), videos of 5.
    """
    found = (held.get(f'{prefix}patch_embed.proj.weight')
             for prefix in ('', *prefixes))
    return any(getattr(kernel, 'ndim', 0) == dims for kernel in found)


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Our names and shapes."""
    return {name: tuple(t.shape) for name, t in model.state_dict().items()}


def tensors_of(held: Any, path: str) -> dict[str, Tensor]:
    """What a checkpoint holds, with or without ``state_dict`` around it.

    Args:
        held: The content of the file.
        path: What the error calls it.

    Raises:
        CheckpointError: If it holds no tensors by name.
    """
    state = held.get('state_dict', held) if isinstance(held, Mapping) else None
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f'{path} holds {type(held).__name__}, not tensors by name, '
            'as training writes them')
    return dict(state)


def compare(held: Mapping[str, Tensor], own: Shapes,
            may_lack: str) -> Translated:
    """Compare a checkpoint that has our names already, strictly.

    Args:
        held: Name -> tensor.
        own: Name -> shape.
        may_lack: Pattern of names that it need not hold.

    Raises:
        CheckpointError: If it does not fit, see :func:`require_all`.
    """
    found = Translated(
        'checkpoint', {n: t for n, t in held.items() if n in own},
        [n for n in own if n not in held], [n for n in held if n not in own],
        None)
    require_all(found, own, may_lack, '')
    return found


def our_names(name: str, renames: Renames) -> list[str]:
    """Every name of ours that a published name may stand for."""
    matches = ((re.fullmatch(pattern, name), ours)
               for pattern, ours in renames)
    return [match.expand(ours) for match, ours in matches if match]


def match(held: Mapping[str, Tensor], own: Shapes, renames: Renames,
          kind: str, layer: nn.Module | None, other_block: str,
          layer_index: int = BLOCK_INDEX) -> Translated:
    """Give the tensors of a file our names.

    Args:
        held: Published name -> tensor.
        own: Our name -> shape.
        renames: Which is which; the first name that the model has is taken.
        kind: Of the file.
        layer: The model's layer, if it has one.
        other_block: What to do where the file was trained around another
            block than the layer's.
        layer_index: Where in LLaMA the block of such files is from.

    Raises:
        CheckpointError: If the file holds a block, the model no place for it.
        BlockMismatchError: If the file was trained around another block.
    """
    weights, unexpected, block = {}, [], None
    for name, tensor in held.items():
        ours = [n for n in our_names(name, renames) if n in own]
        if ours:
            weights[ours[0]] = tensor
        elif not name.startswith(BLOCK_PREFIX):
            unexpected.append(name)
    if any(name.startswith(BLOCK_PREFIX) for name in held):
        block = read_block(held, layer, other_block, layer_index)
        weights.update(block_weights(block, layer))
    # The layer fills its own function in where a file does not name one.
    missing = [name for name in own
               if name not in weights and not name.endswith(FUNCTION_KEY)]
    return Translated(kind, weights, missing, unexpected, block)


def read_block(held: Mapping[str, Tensor], layer: nn.Module | None,
                other_block: str, layer_index: int) -> Blocks:
    """The block of a file, which the model's layer has to be."""
    if not isinstance(layer, FrozenLLMLayer):
        raise CheckpointError(
            'the file holds a language-model block (llama.*), this model has '
            'no place for it: use the +LLaMA config of the same data')
    block = published_block(held, layer.geometry.num_heads, layer_index)
    if not layer.trainable and (block.identity().sha256 !=
                                layer.identity.sha256):
        raise BlockMismatchError(
            f'the file was trained with {block.identity()}; this model holds '
            f'{layer.identity}. {other_block}')
    return block


def block_weights(block: Blocks, layer: FrozenLLMLayer) -> dict[str, Tensor]:
    """The entries of our state dict that describe or hold the block."""
    if not layer.trainable:
        return {f'{LAYER}block_identity': layer.block_identity}
    own = layer.state_dict()
    weights = {
        f'{LAYER}blocks.0.{name}': tensor
        for name, tensor in block.tensors[0].items()
    }
    # All ones in the file, as it is in a layer that was just built.
    weights.update({f'{LAYER}{name}': own[name] for name in own
                    if name.startswith('final_norm.')})
    return weights


def require_all(found: Translated, own: Shapes, may_lack: str, may_hold: str,
                of_shapes: str = '') -> None:
    """Compare strictly, but for what is known and named.

    Args:
        found: What :func:`match` gave.
        own: Our name -> shape.
        may_lack: Pattern of our names that such a file does not hold.
        may_hold: Pattern of names in the file that we have no use for.
        of_shapes: What to add where a shape differs.

    Raises:
        CheckpointError: If anything else is missing or left over, or a shape
            differs; all are named.
    """
    missing = [n for n in found.missing if not re.fullmatch(may_lack, n)
               and not n.endswith(FUNCTION_KEY)]
    unexpected = [n for n in found.unexpected
                  if not re.fullmatch(may_hold, n)]
    if missing or unexpected:
        raise CheckpointError(
            f'this {found.kind} file and the model do not belong together. '
            f'The file lacks {_shown(missing)}; the model has no '
            f'{_shown(unexpected)}. A baseline file goes with a baseline '
            'config, a +LLaMA file with a +LLaMA config')
    wrong = [f'{name}: {tuple(t.shape)} in the file, {own[name]} in the model'
             for name, t in found.weights.items()
             if tuple(t.shape) != own[name]]
    if wrong:
        raise CheckpointError(
            f'{len(wrong)} tensors have another shape: {"; ".join(wrong[:4])}'
            f'. {of_shapes}'.rstrip())


def _shown(names: list[str]) -> str:
    more = f' and {len(names) - 6} more' if len(names) > 6 else ''
    return (', '.join(names[:6]) or 'nothing') + more
