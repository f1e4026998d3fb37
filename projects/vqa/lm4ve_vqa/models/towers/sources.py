"""Folders and hub models of Hugging Face as sources of a whole encoder."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import logging as hf_logging

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.llm.weights.sources import (
    HUB_SCHEME,
    PACKAGE_SCHEME,
    Folder,
    HubModel,
    find_source,
)

_CONFIG = 'config.json'
_SHOWN = 8


class Donor(NamedTuple):
    """Weights of an encoder, read completely.

    Attributes:
        name: Where they are from.
        weights: Tensors in the names of ``transformers``.
        unused: Names that the encoder has no use for, such as those of a
            language-modelling head.
    """

    name: str
    weights: dict[str, Tensor]
    unused: list[str]


def source_of(checkpoint: str, obtain: str | None) -> Folder | HubModel:
    """Find an encoder.

    Args:
        checkpoint: A folder, ``package://NAME``, ``hf://OWNER/MODEL`` or
            ``hf://OWNER/MODEL@REVISION``.
        obtain: Command that gets it, for the error message;
            ``{checkpoint}`` in it stands for the path.

    Raises:
        CheckpointNotFoundError: If there is nothing.
        CheckpointError: If it is a file, which holds no whole encoder.
    """
    given = str(checkpoint)
    path = Path(given).expanduser()
    named = given.startswith((PACKAGE_SCHEME, HUB_SCHEME))
    if not named and not path.exists():
        get_it = (obtain or 'hf download OWNER/MODEL --local-dir {checkpoint}'
                  ).format(checkpoint=given)
        raise CheckpointNotFoundError(
            f'There is no encoder at {given!r} (looked at '
            f'{path.absolute()}). Expected is a folder of Hugging Face with '
            f'{_CONFIG} and weights; get it with: {get_it}; or give '
            f"{HUB_SCHEME}OWNER/MODEL, or init='random' with a config")
    if not named and path.is_file():
        raise CheckpointError(
            f'{given} is a file; an encoder is read from a folder of Hugging '
            f'Face, which has a {_CONFIG} beside its weights')
    return find_source(given)


def read_config(checkpoint: str, obtain: str | None = None) -> dict[str, Any]:
    """The configuration of an encoder, as plain values.

    Raises:
        CheckpointError: If it is none of Hugging Face.
    """
    source = source_of(checkpoint, obtain)
    config, file = source.config()
    if file != _CONFIG or 'model_type' not in config:
        raise CheckpointError(
            f'{source}: {file} names no model_type, so that transformers '
            'does not know what it is')
    return config


def read_donor(checkpoint: str, kind: type[PreTrainedModel], config: Any,
               options: Mapping[str, Any], obtain: str | None) -> Donor:
    """Read an encoder, all of it or nothing.

    ``transformers`` brings names of its older versions into those of the
    installed one; what it then reports is compared here.

    Args:
        checkpoint: See :func:`source_of`.
        kind: Class of ``transformers``.
        config: Its configuration.
        options: Keywords of the class.
        obtain: See :func:`source_of`.

    Raises:
        CheckpointError: If the weights do not fill the encoder, or go on
            where it ends.
    """
    source = source_of(checkpoint, obtain)
    where: dict[str, Any] = dict(pretrained_model_name_or_path=source.repo,
                                 revision=source.revision) if isinstance(
        source, HubModel) else dict(
            pretrained_model_name_or_path=str(source.path),
            local_files_only=True)
    try:
        with _quiet():
            model, report = kind.from_pretrained(
                **where, config=config, output_loading_info=True,
                trust_remote_code=False, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f'{source} cannot be read as {kind.__name__}: {error}'
        ) from error
    weights = dict(model.state_dict())
    missing = sorted(report['missing_keys'])
    unused = sorted(report['unexpected_keys'])
    parts = {name.partition('.')[0] for name in weights}
    beyond = [name for name in unused if _own_part(name, model) in parts]
    if missing or beyond or report['mismatched_keys']:
        raise CheckpointError(
            f'{source} and its configuration do not belong together as '
            f'{kind.__name__}. It lacks {_shown(missing)}; beyond the '
            f'configuration it has {_shown(beyond)}; of another shape are '
            f'{_shown(sorted(map(str, report["mismatched_keys"])))}')
    print_log(
        f'{source}: {len(weights)} tensors of {kind.__name__}. Unused: '
        f'{unused}.', logger='current')
    return Donor(str(source), weights, unused)


def _own_part(name: str, model: PreTrainedModel) -> str:
    """First part of a name, behind what models with a head put in front."""
    for prefix in (f'{model.base_model_prefix}.', 'vision_model.'):
        name = name.removeprefix(prefix)
    return name.partition('.')[0]


def _shown(names: list[str]) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return (', '.join(names[:_SHOWN]) or 'nothing') + more


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own tables and bars: the report is ours."""
    level = hf_logging.get_verbosity()
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.ERROR)
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()
