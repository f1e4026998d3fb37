"""Starts a backbone from a file, completely or not at all."""

from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

from mmengine.logging import print_log
from mmengine.model import initialize
from torch import nn

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.registry import WEIGHT_INITIALIZERS

from lm4ve_mm.published.translate import (Translated, compare, shapes_of,
                                          tensors_of)
from lm4ve_mm.published.videomae import is_videomae, translate_backbone

OBTAIN = ('VideoMAE links its files in MODEL_ZOO.md of '
          'github.com/MCG-NJU/VideoMAE')


@WEIGHT_INITIALIZERS.register_module()
class StrictPretrained:
    """An ``init_cfg`` that loads all of a backbone or raises.

    MMEngine's ``Pretrained`` warns where names do not match, and trains on
    from chance. Published files of VideoMAE are read as they are; a
    checkpoint of ours gives what is under ``prefix``. It is read when
    training starts; not for a test, and where
    :class:`lm4ve_mm.engine.FindCheckpointHook` runs, not to resume.

    Args:
        checkpoint (str, optional): The file. None starts from chance, as the
            backbone's class does without an ``init_cfg``.
        prefix (str): Of the backbone in a checkpoint of ours.
        may_lack (str): Pattern of names that the file need not have.
        obtain (str): Where to get the file, shown if it is missing.
    """

    def __init__(self,
                 checkpoint: Optional[str],
                 prefix: str = 'backbone.',
                 may_lack: str = '',
                 obtain: str = OBTAIN) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.may_lack = may_lack
        self.obtain = obtain

    def __call__(self, module: nn.Module) -> None:
        """Load the file into a backbone, or initialise it without one.

        Args:
            module (nn.Module): The backbone.

        Raises:
            CheckpointNotFoundError: If there is no such file.
            CheckpointError: If it does not fit; names every tensor.
        """
        if self.checkpoint is None:
            default = default_init(module)
            print_log(
                f'{type(module).__name__} starts from chance, since '
                'init_cfg.checkpoint=None; initialised as by default: '
                f'{default or "as it was built"}', logger='current')
            initialize(module, default)
            return
        path = Path(self.checkpoint)
        if not path.is_file():
            raise CheckpointNotFoundError(
                f'init_cfg: there is no file {path}. {self.obtain}. Give '
                'another place with --cfg-options '
                'model.backbone.init_cfg.checkpoint=PATH, or start from '
                'chance with model.backbone.init_cfg.checkpoint=None')
        found = self._read(open_torch(path), module)
        # Compared above: what is missing may be, and is reported below.
        module.load_state_dict(found.weights, strict=False)
        # Children with an initialisation of their own come after us.
        for child in module.modules():
            if hasattr(child, 'is_init'):
                child.is_init = True
        print_log(
            f'{path}: {found.kind} file, {len(found.weights)} tensors. '
            f'Missing, left as initialised: {found.missing}. Unused: '
            f'{found.unexpected}.', logger='current')

    def _read(self, state: Mapping, module: nn.Module) -> Translated:
        """The file in the backbone's names, compared strictly."""
        tensors = tensors_of(state, self.checkpoint)
        if is_videomae(state):
            return translate_backbone(state, module)
        held = {name.removeprefix(self.prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(self.prefix)}
        if not held:
            raise CheckpointError(
                f'{self.checkpoint} is no file of VideoMAE and has nothing '
                f'under {self.prefix!r}; it holds '
                f'{", ".join(map(str, list(tensors)[:5]))}, ...')
        return compare(held, shapes_of(module), self.may_lack)


def default_init(module: nn.Module) -> List[dict]:
    """The ``init_cfg`` that a module's class has where none is given."""
    for kind in type(module).__mro__:
        given = signature(kind.__init__).parameters.get('init_cfg')
        if given is not None and given.default is not Parameter.empty:
            default = given.default or []
            return [default] if isinstance(default, Mapping) else default
    return []


def without_files(model: nn.Module) -> List[str]:
    """Let the backbones of a model start from chance instead of their files.

    For a run that resumes: its checkpoint holds all of them.

    Args:
        model: Not initialised yet; its ``init_cfg`` are changed.

    Returns:
        list[str]: Names of the tensors that the files would have given, which
        therefore have to come from elsewhere.
    """
    names = []
    for prefix, module in model.named_modules():
        for cfg in _with_file(module):
            cfg['checkpoint'] = None
            names += [f'{prefix}.{name}'.lstrip('.')
                      for name in module.state_dict()]
    return names


def _with_file(module: nn.Module) -> Iterator[Dict[str, Any]]:
    """Those of a module's ``init_cfg`` that read a file strictly."""
    given = getattr(module, 'init_cfg', None) or []
    for cfg in [given] if isinstance(given, Mapping) else given:
        kind = cfg.get('type')
        name = kind if isinstance(kind, str) else kind.__name__
        if name.rpartition('.')[-1] == StrictPretrained.__name__ and cfg.get(
                'checkpoint'):
            yield cfg
