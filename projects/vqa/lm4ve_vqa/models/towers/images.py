"""Image encoders: CLIP's ViT, Swin, or any other of ``transformers``."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    PretrainedConfig,
    PreTrainedModel,
)

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError, DataError

from .base import Tower
from .positions import resize_bias, resize_positions

POOLINGS = ('cls', 'mean')


@MODELS.register_module()
class ImageTower(Tower):
    """Tokens of an image, from any vision encoder of ``transformers``.

    Args:
        checkpoint, config, init, obtain: See :class:`Tower`.
        image_size: Side of the images in pixels; by default that of the
            configuration.
        pooling: What stands for the image behind the fusion: ``'cls'``, the
            first token, or ``'mean'``, the mean of all, for encoders without
            a class token.

    Raises:
        ConfigError: If ``pooling`` is unknown, or the model has a tower of
            its own.
    """

    def __init__(self,
                 checkpoint: str | None = None,
                 config: Mapping[str, Any] | None = None,
                 init: str = 'pretrained',
                 obtain: str | None = None,
                 image_size: int | None = None,
                 pooling: str = 'cls') -> None:
        if pooling not in POOLINGS:
            raise ConfigError(f'pooling={pooling!r} is unknown; known: '
                              f'{", ".join(POOLINGS)}')
        self.image_size, self.pooling = image_size, pooling
        super().__init__(checkpoint, config, init, obtain)

    def read_fields(self, fields: dict[str, Any]) -> PretrainedConfig:
        """The configuration, of the vision part where there are several."""
        fields = dict(fields.get('vision_config') or fields)
        if type(self) is ImageTower and str(
                fields.get('model_type')).startswith('clip'):
            raise ConfigError('for CLIP use lm4ve_mm.CLIPTower, which knows '
                              'its last norm')
        return super().read_fields(fields)

    def adapt(self, config: PretrainedConfig) -> PretrainedConfig:
        """Another image size."""
        if self.image_size is not None:
            config.image_size = self.image_size
        return config

    def forward(self, images: Tensor) -> Tensor:
        """Encode.

        Args:
            images: (B, 3, H, W), normalised.

        Returns:
            Tensor: (B, N, width).

        Raises:
            DataError: If they are of another size than the encoder's.
        """
        size = getattr(self.model.config, 'image_size', None)
        if isinstance(size, int) and images.shape[-2:] != (size, size):
            raise DataError(
                f'images of {tuple(images.shape[-2:])} pixels, but the '
                f'encoder was built for {size}: set image_size of '
                'model.image_encoder, or the size in the pipeline')
        out = self.model(pixel_values=images).last_hidden_state
        return out.flatten(2).transpose(1, 2) if out.dim() == 4 else out


@MODELS.register_module()
class CLIPTower(ImageTower):
    """CLIP's ViT as METER takes it.

    The last layer is left out and the last norm is applied to all tokens.

    Args:
        checkpoint, config, init, obtain: See :class:`Tower`; a folder of all
            of CLIP or of its vision model.
        image_size: See :class:`ImageTower`; positions are resized.
        leave_out: How many of the last layers are left out.
    """

    resized = {'position_embedding.weight': resize_positions}
    norms_decay = True

    def __init__(self,
                 checkpoint: str | None = None,
                 config: Mapping[str, Any] | None = None,
                 init: str = 'pretrained',
                 obtain: str | None = None,
                 image_size: int | None = None,
                 leave_out: int = 1) -> None:
        self.leave_out = leave_out
        super().__init__(checkpoint, config, init, obtain, image_size)

    def read_fields(self, fields: dict[str, Any]) -> PretrainedConfig:
        """CLIP's vision configuration.

        Raises:
            ConfigError: If it is another model's.
        """
        fields = dict(fields.get('vision_config') or fields)
        kind = fields.pop('model_type', 'clip_vision_model')
        if kind != 'clip_vision_model':
            raise ConfigError(
                f'lm4ve_mm.CLIPTower got model_type={kind!r}: it takes '
                'CLIP; for another vision encoder use lm4ve_mm.ImageTower')
        return CLIPVisionConfig.from_dict(fields)

    def adapt(self, config: PretrainedConfig) -> PretrainedConfig:
        """Fewer layers, and another image size."""
        config.num_hidden_layers -= self.leave_out
        if config.num_hidden_layers < 1:
            raise ConfigError(
                f'leave_out={self.leave_out} leaves no layer of '
                f'{config.num_hidden_layers + self.leave_out}')
        return super().adapt(config)

    def model_class(self, config: PretrainedConfig) -> type[PreTrainedModel]:
        """Always the same."""
        return CLIPVisionModel

    def inner(self, model: PreTrainedModel) -> PreTrainedModel:
        """Before transformers 5 there was a shell around it."""
        return getattr(model, 'vision_model', model)

    def select(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """All but the layers that are left out."""
        own = self.model.state_dict()
        bare = {name.removeprefix('vision_model.'): tensor
                for name, tensor in weights.items()}
        return {name: tensor for name, tensor in bare.items() if name in own}

    def forward(self, images: Tensor) -> Tensor:
        """See :meth:`ImageTower.forward`; the class token is the first."""
        return self.model.post_layernorm(super().forward(images))


@MODELS.register_module()
class SwinTower(ImageTower):
    """Swin, whose last stage gives the tokens; no class token.

    Args:
        checkpoint, config, init, obtain: See :class:`Tower`.
        image_size: S; with it the windows are S / 32, as in METER, and
            tables of relative positions are resized.
    """

    resized = {'relative_position_bias_table': resize_bias}

    def __init__(self,
                 checkpoint: str | None = None,
                 config: Mapping[str, Any] | None = None,
                 init: str = 'pretrained',
                 obtain: str | None = None,
                 image_size: int | None = None) -> None:
        super().__init__(checkpoint, config, init, obtain, image_size, 'mean')

    def read_fields(self, fields: dict[str, Any]) -> PretrainedConfig:
        """Swin's configuration.

        Raises:
            ConfigError: If it is another model's.
        """
        fields = dict(fields)
        if fields.setdefault('model_type', 'swin') != 'swin':
            raise ConfigError(
                f'lm4ve_mm.SwinTower got model_type={fields["model_type"]!r}'
                ': it takes Swin; for another vision encoder use '
                'lm4ve_mm.ImageTower')
        return super().read_fields(fields)

    def adapt(self, config: PretrainedConfig) -> PretrainedConfig:
        """Windows that fit the image size.

        Raises:
            ConfigError: If no windows do.
        """
        if self.image_size is not None:
            if self.image_size % 32:
                raise ConfigError(
                    f'image_size={self.image_size} is no multiple of 32, of '
                    "which Swin's windows are made")
            config.window_size = self.image_size // 32
        return super().adapt(config)
