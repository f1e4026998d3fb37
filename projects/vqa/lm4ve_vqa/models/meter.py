"""What METER's two tasks share: encoders, fusion, place of the block."""

from abc import abstractmethod

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError, DataError

from ..upstream import is_upstream, translate

TOKENS = ('image', 'image_text')


class METER(BaseModel):
    """Two encoders, a fusion, the block behind it, poolers, a head.

    Published files of METER are read wherever weights are loaded; what does
    not fit is an error, see :mod:`lm4ve_vqa.upstream`.

    Args:
        image_encoder: Such as :class:`CLIPTower`.
        text_encoder: Such as :class:`TextTower`.
        fusion: Such as :class:`CoAttention`; widths are filled in.
        head: Of the task; its width is filled in.
        neck: :class:`lm4ve_mm.models.TokenInsertNeck` with the block; None
            is the host.
        tokens: Which tokens the block sees behind the fusion: ``'image'``,
            as in the paper, or ``'image_text'``.
        data_preprocessor: By default MMPretrain's for classifiers. Images
            arrive as RGB.
        init_cfg: MMEngine's initialisation.

    Raises:
        ConfigError: If ``tokens`` is unknown.
    """

    # See lm4ve_mm.models.starts and .left_out.
    reads_published_files = True
    host_parts = ('image_encoder', 'text_encoder', 'fusion')

    def __init__(self,
                 image_encoder: dict,
                 text_encoder: dict,
                 fusion: dict,
                 head: dict,
                 neck: dict | None = None,
                 tokens: str = 'image',
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        if tokens not in TOKENS:
            raise ConfigError(f'tokens={tokens!r} is unknown; known: '
                              f'{", ".join(TOKENS)}')
        cfg = dict(data_preprocessor or {})
        cfg.setdefault('type', 'mmpretrain.ClsDataPreprocessor')
        super().__init__(MODELS.build(cfg), init_cfg)
        self.tokens = tokens
        self.image_encoder = MODELS.build(image_encoder)
        self.text_encoder = MODELS.build(text_encoder)
        self.fusion = MODELS.build(dict(
            text_channels=self.text_encoder.width,
            image_channels=self.image_encoder.width, **fusion))
        width = self.fusion.embed_dims
        self.neck = None
        if neck is not None:
            self.neck = MODELS.build({**neck, 'in_channels': width})
        self.head = MODELS.build(dict(head, in_channels=2 * width))

    def encode_image(self, inputs: Tensor) -> Tensor:
        """Images (I, 3, H, W), preprocessed -> (I, N, C), not fused yet."""
        return self.fusion.embed_image(self.image_encoder(inputs))

    def encode_text(self, text_ids: Tensor, text_mask: Tensor) -> Tensor:
        """Ids and mask (T, L) -> (T, L, C), not fused yet."""
        return self.fusion.embed_text(self.text_encoder(text_ids, text_mask))

    def join(self, image: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """Fuse, run the block, pool.

        Args:
            image: (B, N, C) of :meth:`encode_image`.
            text: (B, L, C) of :meth:`encode_text`.
            mask: (B, L), 0 on padding.

        Returns:
            Tensor: (B, 2 C), text and image.
        """
        image, text = self.fusion(image, text, mask)
        image, text = self.insert(image, text, mask)
        return self.fusion.pool(image, text)

    def insert(self, image: Tensor, text: Tensor,
               mask: Tensor) -> tuple[Tensor, Tensor]:
        """Run the block, if there is one, for what the poolers read.

        Returns:
            tuple: (B, C) of the image, (B, C) of the text.
        """
        first = self.image_encoder.pooling == 'cls'
        read = 1 if first else image.shape[1]
        if self.neck is None:
            return image[:, :read].mean(1), text[:, 0]
        if self.tokens == 'image':
            seen = self.neck(image, None, slice(0, read))
            return seen.mean(1), text[:, 0]
        count = image.shape[1]
        valid = torch.cat([mask.new_ones(image.shape[:2]), mask], 1).bool()
        kept = torch.tensor([*range(read), count], device=image.device)
        seen = self.neck(torch.cat([image, text], 1), valid, kept)
        return seen[:, :-1].mean(1), seen[:, -1]

    def texts(self, data_samples: list, ids: str = 'text_ids',
              mask: str = 'text_mask') -> tuple[Tensor, Tensor]:
        """Ids and masks of a batch, (B, ..., L) each.

        Raises:
            DataError: If a sample has no text, or one of another
                vocabulary.
        """
        for number, sample in enumerate(data_samples):
            if ids not in sample or mask not in sample:
                raise DataError(
                    f'sample {number} of the batch has no {ids} or no {mask}:'
                    ' an image goes with a text, which the pipeline '
                    'tokenises')
        given = torch.stack([sample.get(ids) for sample in data_samples])
        highest = int(given.max())
        if highest >= self.text_encoder.vocab_size:
            raise DataError(
                f'{ids} holds {highest}, but the text encoder knows '
                f'{self.text_encoder.vocab_size} ids: the tokenizer in the '
                'pipeline is of another model')
        masks = torch.stack([sample.get(mask) for sample in data_samples])
        device = next(self.parameters()).device
        return given.to(device), masks.to(device)

    def pooled(self, inputs: Tensor, data_samples: list) -> Tensor:
        """Each image with its text: (B, 2 C)."""
        ids, mask = self.texts(data_samples)
        return self.join(self.encode_image(inputs),
                         self.encode_text(ids, mask), mask)

    def forward(self, inputs: Tensor, data_samples: list | None = None,
                mode: str = 'tensor'):
        """Run the model.

        Args:
            inputs: (B, 3, H, W), preprocessed.
            data_samples: One for each image, with ``text_ids`` and
                ``text_mask``, (L, ) each.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            What the head gives; losses; or the samples with predictions.

        Raises:
            DataError: If images or samples are missing.
        """
        if inputs is None:
            raise DataError('the batch has no images: a text goes with an '
                            'image, which the pipeline loads')
        if data_samples is None:
            raise DataError('the batch has no data samples, and so no '
                            'text_ids: an image goes with a text')
        if mode == 'tensor':
            return self.head(self.pooled(inputs, data_samples))
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        raise ValueError(f"mode is 'tensor', 'loss' or 'predict', not "
                         f'{mode!r}')

    @abstractmethod
    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Losses by name."""

    @abstractmethod
    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """The samples with what the head says."""

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Translate a published file; the modules inside are loaded after."""
        if not prefix and is_upstream(state_dict):
            found = translate(state_dict, self)
            print_log(
                f'Read a file of METER, {found.kind}: {len(found.weights)} '
                f'tensors. Missing, left as initialised: {found.missing}. '
                f'Unused: {found.unexpected}.', logger='current')
            state_dict.clear()
            state_dict.update(found.weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
