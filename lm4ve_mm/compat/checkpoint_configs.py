"""Configs that checkpoints bring along, as the Python code that they are."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from lm4ve_mm.utils.errors import ConfigError

# What was read out of checkpoints in this process.
_texts: set[str] = set()


def refuse_to_execute() -> bool:
    """Keep MMEngine from executing what a checkpoint calls its config.

    Seen broken: mmengine 0.10.7 and onedl-mmengine 0.10.12. An inferencer
    that is given weights alone runs ``meta['cfg']``, and ``Runner.resume``
    runs ``meta['config']``. Reading them without running them is no way out:
    a ``type`` can name any function that there is.
    """
    parse = Config.fromstring
    if hasattr(parse, '__wrapped__'):
        return False

    @functools.wraps(parse)
    def fromstring(cfg_str: str, file_format: str) -> Config:
        if cfg_str in _texts:
            raise ConfigError(
                'the config inside of a checkpoint is Python code, and is not '
                'executed. Give an inferencer the config beside the weights '
                '(model=CONFIG); for a resumed run put '
                "dict(type='lm4ve_mm.FindCheckpointHook') into custom_hooks, "
                'which compares what there is to compare')
        return parse(cfg_str, file_format)

    Config.fromstring = staticmethod(fromstring)
    return True


def note_configs(checkpoint: Any) -> None:
    """Remember the texts that a file calls a config.

    Args:
        checkpoint: The content of the file.
    """
    _texts.update(_found(checkpoint))


def _found(checkpoint: Any) -> Iterator[str]:
    """Texts at the places where MMEngine looks for a config."""
    if not isinstance(checkpoint, Mapping):
        return
    hub = checkpoint.get('message_hub')
    held = hub.get('runtime_info') if isinstance(hub, Mapping) else None
    for place in (checkpoint.get('meta'), held):
        if isinstance(place, Mapping):
            yield from (place[key] for key in ('cfg', 'config')
                        if isinstance(place.get(key), str))
