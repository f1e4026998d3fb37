"""A small host with its data, as the shared tests take it."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

FIXTURE = 'fixture:'
TINY_LLAMA = dict(checkpoint='fixture:tiny_llama', layers=(-1, ))


class Host(NamedTuple):
    """A host that trains in seconds.

    A text that starts with ``fixture:`` is replaced by the value of that
    pytest fixture, anywhere in ``llm`` and ``dataset``; what follows the
    first slash is a path below it: ``fixture:tmp_data/shapes``.

    Args:
        model: Takes the config of the layer and gives that of the model.
        llm: Config of the layer, for example :data:`TINY_LLAMA`.
        layer: Name of the layer in the model, such as ``neck.layer``.
        dataset: Config of the training data: three batches.
        metric: Config of the evaluator.
        scope: The toolbox of the model: ``default_scope``.
        batch_size: Samples per step.
        imports: Modules that register the host, imported by its configs.
    """

    model: Callable[[dict], dict]
    llm: dict
    layer: str
    dataset: dict
    metric: dict
    scope: str = 'mmpretrain'
    batch_size: int = 16
    imports: tuple[str, ...] = ()

    def completed(self, request) -> 'Host':
        """The host, imported, with what ``request`` gives for fixtures."""
        for module in self.imports:
            import_module(module)
        return self._replace(
            llm=_with_fixtures(self.llm, request.getfixturevalue),
            dataset=_with_fixtures(self.dataset, request.getfixturevalue))


def _with_fixtures(value: Any, get: Callable[[str], Any]) -> Any:
    """A config in which every ``fixture:`` is replaced by what it gives."""
    if isinstance(value, dict):
        return {key: _with_fixtures(item, get) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_with_fixtures(item, get) for item in value)
    if isinstance(value, str) and value.startswith(FIXTURE):
        name, _, below = value.removeprefix(FIXTURE).partition('/')
        return str(Path(get(name)) / below)
    return value
