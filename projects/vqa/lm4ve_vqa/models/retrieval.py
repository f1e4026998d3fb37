"""METER ranks texts for images, and images for texts."""

import torch
from torch import Tensor

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import DataError

from .meter import METER


def draw_images(image_ids: list) -> tuple[Tensor, Tensor]:
    """Draw which images stay with their texts, and what the others get.

    Half of the batch stays, rounded down; the others get another image of
    the batch.

    Args:
        image_ids: Of the batch, None where it is not known.

    Returns:
        tuple: Labels (B, ), 1 where the image stays, and indices (B, ).

    Raises:
        DataError: If a text has no other image to get.
    """
    count = len(image_ids)
    labels = torch.zeros(count, dtype=torch.long)
    labels[torch.randperm(count)[:count // 2]] = 1
    others = torch.tensor([
        [i != j and (one is None or one != other)
         for j, other in enumerate(image_ids)]
        for i, one in enumerate(image_ids)]).float()
    if not others.any(1).all():
        raise DataError(
            f'a batch of {count} has texts of one image alone; to learn what '
            'does not match, take a larger batch or shuffle the data')
    drawn = torch.multinomial(others, 1).squeeze(1)
    return labels, torch.where(labels.bool(), torch.arange(count), drawn)


@MODELS.register_module()
class METERForRetrieval(METER):
    """See :class:`METER`; the head is :class:`RetrievalHead`.

    To rank a gallery, encode its images and texts once and call
    :meth:`match` for each pair.
    """

    def match(self, image_features: Tensor, text_features: Tensor,
              text_mask: Tensor) -> Tensor:
        """Rank pairs.

        Args:
            image_features: (P, N, C) of :meth:`encode_image`.
            text_features: (P, L, C) of :meth:`encode_text`.
            text_mask: (P, L).

        Returns:
            Tensor: (P, ), higher where they fit better.
        """
        return self.head(self.join(image_features, text_features, text_mask))

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """The sum of ranking and matching, as METER trains it.

        Samples hold ``false_text_ids`` and ``false_text_mask``, (K, L) each.
        Images are encoded once, not once for each text.
        """
        ids, mask = self.texts(data_samples)
        false_ids, false_mask = self.texts(
            data_samples, 'false_text_ids', 'false_text_mask')
        image = self.encode_image(inputs)  # (B, N, C)
        all_ids = torch.cat([ids[:, None], false_ids], 1)  # (B, 1 + K, L)
        all_mask = torch.cat([mask[:, None], false_mask], 1)
        texts = self.encode_text(
            all_ids.flatten(0, 1), all_mask.flatten(0, 1))
        count = all_ids.shape[1]
        pooled = self.join(
            image.repeat_interleave(count, 0), texts, all_mask.flatten(0, 1))
        labels, which = draw_images(
            [sample.get('image_id') for sample in data_samples])
        text = texts.unflatten(0, (-1, count))[:, 0]
        mixed = self.join(image[which.to(image.device)], text, mask)
        return dict(
            loss_irtr=self.head.loss_rank(pooled.unflatten(0, (-1, count))),
            loss_itm=self.head.loss_matching(
                mixed, labels.to(image.device)))

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Give each sample the rank of its own pair, ``pred_score`` (1, )."""
        ranks = self.head(self.pooled(inputs, data_samples)).float()
        for sample, rank in zip(data_samples, ranks, strict=True):
            sample.set_field(rank[None], 'pred_score')
        return data_samples
