"""Matches the tensors of a file with those of a model by their names.

The same host stands under different names in different models: alone, as a
``backbone``, as ``backbone.backbone`` in a wrapper, and its final norm may be
the neck's. All of them are compared under one name, the canonical one: that
of a plain classifier, ``backbone.*``, ``neck.*`` and ``head.*``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from lm4ve_mm.llm.verified_layer import FUNCTION_KEY

from .block import PREFIX as BLOCK_PREFIX
from .positions import of_class_token, of_window, resizable
from .translate import (
    Names,
    Translated,
    block_weights,
    our_names,
    read_block,
    shapes_of,
    unwrapped,
)

HOST = 'backbone.'
# Wrappers around a host, ours and MMPretrain's around timm.
_WRAPPERS = re.compile(r'^(backbone\.)+(timm_model\.)?')
# The toolboxes' names of the final norm; the neck's comes before its block.
FINAL_NORMS = ('ln1', 'fc_norm', 'norm', 'ln2', 'norm3')
NECK_NORM = 'neck.norm.'


class Fit(NamedTuple):
    """A file's tensors and their places in a module.

    Attributes:
        found: The weights in the module's names, and what does not match.
        rest: Tensors without a place, under the names of the file.
        spare_norm: The host's final norm, for a neck that owns it:
            ``'weight'`` and ``'bias'`` -> name in ``rest``.
        spare: Pattern of names in ``rest`` that a backbone may leave unused;
            None where nothing is known.
        grids: Positions that are resized: name in the module -> sides of
            the file's grid and of the module's.
    """

    found: Translated
    rest: dict[str, Tensor]
    spare_norm: dict[str, str]
    spare: str | None = None
    grids: Mapping[str, tuple[int, int]] = {}


def canonical(name: str) -> str:
    """The name in a plain classifier."""
    return _WRAPPERS.sub(HOST, name)


def fit(state: Mapping, module: nn.Module, prefix: str = '',
        formats: Sequence[Names] = ()) -> Fit:
    """Look for the place of each tensor of a file.

    Args:
        state: The content of the file, or its tensors.
        module: A model, or a part of one.
        prefix: Where the part stands in a model: ``'backbone.'``, say.
        formats: Published formats that may be translated.

    Returns:
        Fit: Nothing is required yet.

    Raises:
        CheckpointError: If the file holds a block, the model no place for it.
        BlockMismatchError: If the file was trained around another block.
    """
    held = unwrapped(state)
    form = next((form for form in formats if form.knows(held)), None)
    own = shapes_of(module)
    places = {canonical(prefix + name): name for name in own}
    weights: dict[str, Tensor] = {}
    if form is not None and not prefix and any(
            name.startswith(BLOCK_PREFIX) for name in held):
        layer = getattr(getattr(module, 'neck', None), 'layer', None)
        block = read_block(held, layer, form.other_block, form.layer)
        weights.update(block_weights(block, layer))
        held = {name: tensor for name, tensor in held.items()
                if not name.startswith(BLOCK_PREFIX)}
    else:
        block = None
    rest = _place(held, places, prefix, form, weights)
    weights.update(of_class_token(weights, own, module))
    grids = resizable(weights, own, module)
    weights.update(of_window(weights, module, grids))
    kind = 'checkpoint' if form is None else form.kind(held)
    norm = _norms(rest, prefix, form, kind)
    _move_norm(norm, rest, places, own, weights)
    if form is not None and form.computed:
        weights.update(
            (name, table) for name, table in module.named_buffers()
            if name in own and re.fullmatch(form.computed, prefix + name))
    # The layer fills its own function in where a file does not name one.
    missing = [name for name in own
               if name not in weights and not name.endswith(FUNCTION_KEY)]
    found = Translated(kind, weights, missing, list(rest), block)
    return Fit(found, rest, {
        part: name for (owner, part), name in norm.items()
        if name in rest and owner != NECK_NORM}, form and form.spare, grids)


def _place(held: Mapping[str, Tensor], places: Mapping[str, str],
           prefix: str, form: Names | None,
           weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put tensors into ``weights``; gives those without a place."""
    rest = {}
    for name, tensor in held.items():
        known = next((known for known in _known_as(name, prefix, form)
                      if known in places and places[known] not in weights),
                     None)
        if known is None:
            rest[name] = tensor
            continue
        if (form is not None and form.values is not None
                and known not in _as_it_is(name, prefix)):
            tensor = form.values(name, tensor)
        weights[places[known]] = tensor
    return rest


def _as_it_is(name: str, prefix: str) -> tuple[str, str, str]:
    """Canonical names of a tensor that is not translated."""
    # The last one: of a file of the host alone.
    return canonical(name), canonical(prefix + name), canonical(HOST + name)


def _known_as(name: str, prefix: str, form: Names | None) -> Iterator[str]:
    """Canonical names that a file's name may stand for, likeliest first."""
    yield from _as_it_is(name, prefix)
    if form is not None:
        for start in form.prefixes:
            name = name.removeprefix(start)
        yield from map(canonical, our_names(name, form.renames))


def _norms(rest: Mapping[str, Tensor], prefix: str, form: Names | None,
           kind: str) -> dict[tuple[str, str], str]:
    """Final norms without a place: (owner, part) -> name in the file."""
    found: dict[tuple[str, str], str] = {}
    for name in rest:
        if (form is not None and kind == 'pretraining'
                and re.fullmatch(form.dropped, _bare(name, form))):
            continue
        for known in _known_as(name, prefix, form):
            owner, _, part = known.rpartition('.')
            if part not in ('weight', 'bias'):
                continue
            if f'{owner}.' == NECK_NORM:
                found.setdefault((NECK_NORM, part), name)
                break
            if owner.removeprefix(HOST) in FINAL_NORMS:
                # Not the neck's, which a table of names may offer as well.
                found.setdefault((owner.removeprefix(HOST), part), name)
                break
    owners = [owner for owner in (NECK_NORM, *FINAL_NORMS)
              if (owner, 'weight') in found][:1]
    return {key: name for key, name in found.items() if key[0] in owners}


def _bare(name: str, form: Names) -> str:
    for start in form.prefixes:
        name = name.removeprefix(start)
    return name


def _move_norm(norm: Mapping[tuple[str, str], str], rest: dict[str, Tensor],
               places: Mapping[str, str], own: Mapping[str, tuple],
               weights: dict[str, Tensor]) -> None:
    """Give the file's final norm to whoever owns it in the model."""
    for (owner, part), name in norm.items():
        owners = ([f'{HOST}{base}.' for base in FINAL_NORMS]
                  if owner == NECK_NORM else [NECK_NORM])
        for place in owners:
            ours = places.get(place + part)
            if (ours is not None and ours not in weights
                    and own[ours] == tuple(rest[name].shape)):
                weights[ours] = rest.pop(name)
                break
