"""Starts a backbone from a file, completely or not at all."""

import re
from collections.abc import Mapping
from inspect import Parameter, signature

from mmengine.logging import print_log
from mmengine.model import PretrainedInit, initialize
from torch import nn

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.published.formats import FORMATS
from lm4ve_mm.published.host_files import find_host, open_host
from lm4ve_mm.published.host_names import Fit, fit
from lm4ve_mm.published.positions import described
from lm4ve_mm.published.translate import (
    Translated,
    require_all,
    shapes_of,
    tensors_of,
)
from lm4ve_mm.published.videomae import is_videomae, translate_backbone
from lm4ve_mm.registry import WEIGHT_INITIALIZERS

from .frozen_llm_backbone import FrozenLLMBackbone
from .left_out import host_names_of
from .starts import keep, prefix_of, unused_of

OBTAIN = ('VideoMAE links its files in MODEL_ZOO.md of '
          'github.com/MCG-NJU/VideoMAE')
OF_SHAPES = ('Take a file of the same architecture. Positions of another '
             'image size are resized, but from a square grid to a square '
             'grid and in the hosts of MMPretrain alone')


@WEIGHT_INITIALIZERS.register_module()
class StrictPretrained:
    """An ``init_cfg`` that loads all of a backbone or raises.

    Published files of VideoMAE, DeiT and timm (ViT, Swin, ConvNeXt) are
    read as they are; a checkpoint of ours or of MMPretrain gives what is
    under ``prefix``. Positions of another image size are resized as the host
    does it. The file is read when training starts; not for a test, and where
    :class:`lm4ve_mm.engine.FindCheckpointHook` runs, not to resume.

    Args:
        checkpoint (str, optional): The file (of ``torch.save`` or
            safetensors), a folder of Hugging Face that holds it, or
            ``hf://OWNER/MODEL``. None starts from random initialisation, as
            the backbone's class does without an ``init_cfg``.
        prefix (str): Of the backbone in a checkpoint of ours.
        may_lack (str): Pattern of names that the file need not have.
        obtain (str): Where to get the file, shown if it is missing.
    """

    def __init__(self,
                 checkpoint: str | None,
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
                f'{type(module).__name__} starts from random '
                'initialisation, since '
                'init_cfg.checkpoint=None; initialised as by default: '
                f'{default or "as it was built"}', logger='current')
            initialize(module, default)
            return
        path = find_host(self.checkpoint, self.obtain)
        state = open_host(path)
        placed = fit(tensors_of(state, self.checkpoint), module,
                     prefix_of(module), FORMATS)
        found = self._read(state, module, placed)
        # Compared above: what is missing may be, and is reported below.
        module.load_state_dict(found.weights, strict=False)
        print_log(
            f'{path}: {found.kind} file, {len(found.weights)} tensors. '
            f'Missing, left as initialised: {found.missing}. Unused: '
            f'{unused_of(placed)}.{described(placed.grids)}', logger='current')
        keep(module, str(path), list(found.weights), placed)

    def _read(self, state: Mapping, module: nn.Module,
              placed: Fit) -> Translated:
        """The file in the backbone's names, compared strictly."""
        if is_videomae(state) and not isinstance(module, FrozenLLMBackbone):
            return translate_backbone(state, module)
        found = placed.found
        if not found.weights:
            raise CheckpointError(
                f'{self.checkpoint} is no file of VideoMAE, timm or DeiT and '
                f'has nothing under {self.prefix!r}; it holds '
                f'{", ".join(map(str, list(placed.rest)[:5]))}, ...')
        # What is resized fits, or becomes so when the host loads it.
        fitting = {name: tensor for name, tensor in found.weights.items()
                   if name not in placed.grids}
        require_all(
            found._replace(weights=fitting, unexpected=self._surplus(placed),
                           missing=self._lacking(module, found)),
            shapes_of(module), self.may_lack, '', OF_SHAPES)
        return found

    def _surplus(self, placed: Fit) -> list[str]:
        """What a file holds of a host and this one has no place for."""
        norm = placed.spare_norm.values()
        return [
            name for name in placed.rest if name not in norm
            and (not re.fullmatch(placed.spare, name)
                 if placed.spare is not None
                 else name.startswith(self.prefix))]

    @staticmethod
    def _lacking(module: nn.Module, found: Translated) -> list[str]:
        """What the host has and a file does not; the layer is not of it."""
        wraps = isinstance(module, FrozenLLMBackbone)
        host = host_names_of(module)
        return [name for name in found.missing
                if not name.endswith('layer.block_identity')
                and (name in host or not wraps)]


def default_init(module: nn.Module) -> list[dict]:
    """The ``init_cfg`` that a module's class has where none is given."""
    for kind in type(module).__mro__:
        given = signature(kind.__init__).parameters.get('init_cfg')
        if given is not None and given.default is not Parameter.empty:
            default = given.default or []
            return [default] if isinstance(default, Mapping) else default
    return []


def without_files(model: nn.Module) -> list[str]:
    """Let the parts of a model start at random instead of from their files.

    For a run that resumes: its checkpoint holds all of them.

    Args:
        model: Not initialised yet; its ``init_cfg`` are changed.

    Returns:
        list[str]: Names of the tensors that the files would have given, which
        therefore have to come from elsewhere.
    """
    names = []
    for prefix, module in model.named_modules():
        given = getattr(module, 'init_cfg', None) or []
        cfgs = [given] if isinstance(given, Mapping) else list(given)
        if not any(reads_file(cfg) for cfg in cfgs):
            continue
        # Ours knows how to start without its file, MMEngine's does not.
        module.init_cfg = [
            dict(cfg, checkpoint=None) if reads_file(cfg) else cfg
            for cfg in cfgs if not reads_file(cfg)
            or issubclass(_kind(cfg), StrictPretrained)]
        names += [f'{prefix}.{name}'.lstrip('.')
                  for name in module.state_dict()]
    return names


def reads_file(cfg: Mapping) -> bool:
    """Whether an ``init_cfg`` reads a file, however its type is spelt."""
    kind = _kind(cfg)
    return bool(cfg.get('checkpoint')) and isinstance(
        kind, type) and issubclass(kind, (PretrainedInit, StrictPretrained))


def _kind(cfg: Mapping) -> type | None:
    """The class of an initialiser."""
    kind = cfg.get('type')
    return WEIGHT_INITIALIZERS.get(kind) if isinstance(kind, str) else kind
