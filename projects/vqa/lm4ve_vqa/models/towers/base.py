"""What the encoders share: configuration, source, positions."""

import copy
from collections.abc import Mapping
from inspect import signature
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseModule, initialize
from torch import Tensor
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models.starts import keep
from lm4ve_mm.published.host_names import Fit
from lm4ve_mm.published.translate import Translated
from lm4ve_mm.utils.errors import ConfigError

from .sources import read_config, read_donor

INITS = ('pretrained', 'random')
_NOTHING = Fit(Translated('folder', {}, [], [], None), {}, {})


class Tower(BaseModule):
    """An encoder of ``transformers``, trained along.

    Its weights are read when training starts, completely or not at all; a
    checkpoint of the whole model holds them afterwards, so that a test needs
    no folder if ``config`` is given.

    Args:
        checkpoint: A folder of Hugging Face, ``package://NAME`` or
            ``hf://OWNER/MODEL``, as for the frozen block.
        config: Fields of the configuration, with ``model_type``; by default
            those of ``checkpoint``.
        init: ``'pretrained'``, or ``'random'`` for random initialisation.
        obtain: Command that gets the checkpoint, shown when it is missing.

    Attributes:
        width (int): Width of the tokens that come out.

    Raises:
        ConfigError: If the keywords do not fit together.
    """

    # Of the position tables among the weights: name's end -> how to resize.
    resized: Mapping[str, Any] = {}
    # Whether the weights of its layer norms decay, as CLIP's do in METER.
    norms_decay = False

    def __init__(self,
                 checkpoint: str | None = None,
                 config: Mapping[str, Any] | None = None,
                 init: str = 'pretrained',
                 obtain: str | None = None) -> None:
        if init not in INITS:
            raise ConfigError(f"init is 'pretrained' or 'random', not "
                              f'{init!r}')
        if init == 'pretrained' and checkpoint is None:
            raise ConfigError(
                f'{type(self).__name__} has no checkpoint to start from: '
                "give checkpoint=FOLDER, or say init='random'")
        if checkpoint is None and config is None:
            raise ConfigError(
                f'{type(self).__name__} needs config=dict(model_type=...), '
                'or a checkpoint whose configuration is taken')
        super().__init__(
            dict(type='lm4ve_mm.HuggingFaceInit', checkpoint=checkpoint)
            if init == 'pretrained' else None)
        self.obtain = obtain
        self.stated = dict(config or {})
        fields = dict(config or read_config(str(checkpoint), obtain))
        self.source_config = self.read_fields(fields)
        own = self.adapt(copy.deepcopy(self.source_config))
        self.kind = self.model_class(own)
        self.model = self.inner(self.kind(own, **self.options()))
        self.width = self.output_width(own)

    def read_fields(self, fields: dict[str, Any]) -> PretrainedConfig:
        """The configuration out of its fields.

        Raises:
            ConfigError: If ``transformers`` does not know the model.
        """
        try:
            return AutoConfig.for_model(**fields)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f'{type(self).__name__}: transformers makes no configuration '
                f'of model_type={fields.get("model_type")!r}: {error}'
            ) from error

    def adapt(self, config: PretrainedConfig) -> PretrainedConfig:
        """The configuration of what is built, where that is not all."""
        return config

    def model_class(self, config: PretrainedConfig) -> type[PreTrainedModel]:
        """The class of the bare encoder.

        Raises:
            ConfigError: If there is none.
        """
        kind = MODEL_MAPPING.get(type(config), None)
        if not isinstance(kind, type) or config.is_encoder_decoder:
            raise ConfigError(
                f'{type(self).__name__}: model_type={config.model_type!r} is '
                'no bare encoder that transformers knows')
        return kind

    def options(self) -> dict[str, Any]:
        """Keywords of the class: no pooler, which nothing would train."""
        known = signature(self.kind.__init__).parameters
        return dict(add_pooling_layer=False) if (
            'add_pooling_layer' in known) else {}

    def inner(self, model: PreTrainedModel) -> PreTrainedModel:
        """The part of the library's model that is kept."""
        return model

    def output_width(self, config: PretrainedConfig) -> int:
        """Width of the tokens that come out."""
        return config.hidden_size

    def select(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Those of a source's tensors that are wanted."""
        return weights

    def load_source(self, checkpoint: str) -> None:
        """Fill the encoder from a folder or the hub.

        Raises:
            CheckpointNotFoundError: If there is nothing.
            CheckpointError: If it does not fill the encoder; names what
                does not fit.
        """
        self._compare(checkpoint)
        donor = read_donor(checkpoint, self.kind, self.source_config,
                           self.options(), self.obtain)
        weights = {f'model.{name}': tensor
                   for name, tensor in self.select(donor.weights).items()}
        try:
            self.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointError(
                f'{donor.name} does not fit {type(self).__name__}: {error}'
            ) from error
        keep(self, donor.name, list(weights), _NOTHING)

    def _compare(self, checkpoint: str) -> None:
        """Compare ``config`` with that of the source.

        Raises:
            CheckpointError: If they differ, which equal shapes may hide.
        """
        theirs = self.read_fields(read_config(checkpoint, self.obtain))
        differing = [
            f'{key}={value!r} instead of {getattr(theirs, key, None)!r}'
            for key, value in self.stated.items()
            if getattr(theirs, key, None) != value]
        if differing:
            raise CheckpointError(
                f'{checkpoint} and the config of {type(self).__name__} differ:'
                f' the config has {", ".join(differing)}. For another encoder '
                'give its checkpoint and config=None')

    def fit_positions(self, weights: dict[str, Tensor],
                      prefix: str = '') -> None:
        """Bring tables of positions to this tower's image size, in place.

        Args:
            weights: Tensors in the tower's names, behind ``prefix``.
            prefix: Where the tower stands.
        """
        for name, own in self.state_dict().items():
            given = weights.get(prefix + name)
            for end, resize in self.resized.items():
                if (name.endswith(end) and isinstance(given, Tensor)
                        and given.shape[1:] == own.shape[1:]
                        and given.shape != own.shape):
                    weights[prefix + name] = resize(given, len(own))
                    print_log(
                        f'{prefix}{name} was resized from {len(given)} to '
                        f'{len(own)} positions: the file is of another image '
                        'size', logger='current')

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Resize tables; the modules inside are loaded after."""
        self.fit_positions(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def init_weights(self) -> None:
        """Read the source; otherwise leave all as the library built it."""
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._is_init = True
