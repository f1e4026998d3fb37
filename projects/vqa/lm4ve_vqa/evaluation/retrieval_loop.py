"""Scoring every image with every text, the costly part of retrieval."""

import logging
import time
from inspect import cleandoc
from typing import NamedTuple

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.runner import TestLoop, ValLoop, autocast
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import LOOPS
from lm4ve_mm.utils.errors import ConfigError


class Gallery(NamedTuple):
    """What is to be matched, encoded by each encoder alone.

    Attributes:
        images: (I, N, D).
        texts: (T, L, D).
        mask: (T, L), 1 for real tokens.
        image_of: (T, ), the place of each text's image.
    """

    images: Tensor
    texts: Tensor
    mask: Tensor
    image_of: Tensor

    def describe(self) -> str:
        """What is matched with what."""
        return f'{len(self.images):,} images with {len(self.texts):,} texts'


@torch.no_grad()
def encode(model: nn.Module, loader, num_images: int | None,
           num_texts: int | None) -> Gallery:
    """Encode images and texts, in all processes together.

    Args:
        model: With ``encode_image`` and ``encode_text``.
        loader: Of images with their texts; ``sample_idx`` is their place.
        num_images: Take the first of them; None takes all.
        num_texts: Take the first texts of these images.

    Returns:
        Gallery: The whole of it in every process, on the CPU.
    """
    found = {}
    for batch in tqdm(loader, desc='encoding', disable=None):
        samples = batch['data_samples']
        kept = [place for place, sample in enumerate(samples)
                if num_images is None or sample.sample_idx < num_images]
        if not kept:
            continue
        batch = dict(inputs=[batch['inputs'][place] for place in kept],
                     data_samples=[samples[place] for place in kept])
        data = model.data_preprocessor(batch, False)
        images = model.encode_image(data['inputs'])
        ids, mask = ([sample.get(name) for sample in data['data_samples']]
                     for name in ('text_ids', 'text_mask'))
        sizes = [len(one) for one in ids]
        mask = torch.cat(mask).to(images.device)
        texts = model.encode_text(torch.cat(ids).to(images.device), mask)
        for sample, image, text, real in zip(
                data['data_samples'], images.cpu(), texts.cpu().split(sizes),
                mask.cpu().split(sizes)):
            found[sample.sample_idx] = (image, text, real)
    # A sampler repeats samples to give every process as many.
    whole = {}
    for part in all_gather_object(found):
        whole.update(part)
    images, texts, mask = zip(*(whole[place] for place in sorted(whole)))
    image_of = torch.repeat_interleave(
        torch.arange(len(images)), torch.tensor([len(t) for t in texts]))
    return Gallery(torch.stack(images), torch.cat(texts)[:num_texts],
                   torch.cat(mask)[:num_texts], image_of[:num_texts])


def forecast(model: nn.Module, gallery: Gallery, pairs: int,
             device: torch.device) -> str:
    """What matching will cost, counted on one pair."""
    with FlopCounterMode(display=False) as counter:
        model.match(gallery.images[:1].to(device),
                    gallery.texts[:1].to(device), gallery.mask[:1].to(device))
    total = len(gallery.images) * len(gallery.texts)
    calls = len(gallery.images) * -(-len(gallery.texts) // pairs)
    one = counter.get_total_flops()
    return (f'matching {gallery.describe()}: {total:,} pairs in {calls:,} '
            f'calls of up to {pairs}, {one / 1e9:.3g} GFLOP a pair, '
            f'{total * one:.3g} FLOP in all')


@torch.no_grad()
def match_all(model: nn.Module, gallery: Gallery, pairs: int) -> Tensor:
    """Score every image with every text, in all processes together.

    Args:
        model: With ``match``.
        gallery: What to match.
        pairs: How many at a time.

    Returns:
        Tensor: (I, T) float32 on the CPU, whole in every process.
    """
    device = next(model.parameters()).device
    print_log(forecast(model, gallery, pairs, device), logger='current')
    mine = range(get_rank(), len(gallery.images), get_world_size())
    texts, mask = gallery.texts.to(device), gallery.mask.to(device)
    rows, start = {}, time.perf_counter()
    for place in tqdm(mine, desc='matching', disable=None):
        image = gallery.images[place].to(device)
        rows[place] = torch.cat([
            model.match(image.expand(len(part), *image.shape), part, real)
            for part, real in zip(texts.split(pairs), mask.split(pairs))
        ]).float().cpu()
        if len(rows) == 1 and len(mine) > 1:
            seconds = (time.perf_counter() - start) * (len(mine) - 1)
            print_log(f'the other images will take about {seconds:,.0f} s',
                      logger='current')
    whole = {}
    for part in all_gather_object(rows):
        whole.update(part)
    return torch.stack([whole[place] for place in sorted(whole)])


def as_samples(scores: Tensor, image_of: Tensor) -> list[DataSample]:
    """Rankings of both directions.

    Args:
        scores: (I, T).
        image_of: (T, ).

    Returns:
        list: One sample an image that has texts, then one a text.
    """
    samples = []

    def add(direction: str, row: Tensor, right: Tensor) -> None:
        sample = DataSample(metainfo=dict(direction=direction))
        sample.set_pred_score(row)
        sample.set_gt_label(right)
        samples.append(sample)

    for place, row in enumerate(scores):
        right, = torch.nonzero(image_of == place, as_tuple=True)
        if len(right):
            add('TR', row, right)
    for text, image in enumerate(image_of.tolist()):
        add('IR', scores[:, text], torch.tensor([image]))
    return samples


class _Retrieval:
    """What validation and test share.

    Args:
        pairs: How many pairs of image and text are matched at a time.
        num_images: Only the first images of the data set.
        num_texts: Only the first texts of these images.
        bf16: Encode and match in bfloat16, which the wide states of a LLaMA
            fit into; ``fp16`` may overflow there.
        **kwargs: Passed to the loop of MMEngine.
    """

    def __init__(self, runner, dataloader, evaluator, pairs: int = 256,
                 num_images: int | None = None, num_texts: int | None = None,
                 bf16: bool = False, **kwargs) -> None:
        super().__init__(runner, dataloader, evaluator, **kwargs)
        for name, value in (('pairs', pairs), ('num_images', num_images),
                            ('num_texts', num_texts)):
            if value is not None and value < 1:
                raise ConfigError(f'{name}={value} of {type(self).__name__} '
                                  'has to be at least 1')
        if bf16 and self.fp16:
            raise ConfigError('give either bf16 or fp16, not both')
        self.pairs = pairs
        self.num_images = num_images
        self.num_texts = num_texts
        self.bf16 = bf16

    def retrieve(self) -> dict[str, float]:
        """Encode, match and evaluate."""
        model = unwrap(self.runner.model)
        model.eval()
        lacking = [name for name in ('encode_image', 'encode_text', 'match')
                   if not hasattr(model, name)]
        if lacking:
            raise ConfigError(
                f'{type(model).__name__} has no {", ".join(lacking)}: '
                f'{type(self).__name__} tests models for retrieval')
        # None is float16 on a GPU; a CPU knows bfloat16 alone.
        with autocast(enabled=self.fp16 or self.bf16,
                      dtype=torch.bfloat16 if self.bf16 else None):
            gallery = encode(model, self.dataloader, self.num_images,
                             self.num_texts)
            self._say_subset(gallery)
            scores = match_all(model, gallery, self.pairs)
        samples = as_samples(scores, gallery.image_of)
        self.evaluator.process(
            data_samples=samples[get_rank()::get_world_size()])
        return self.evaluator.evaluate(len(samples))

    def _say_subset(self, gallery: Gallery) -> None:
        """A smaller gallery is easier: its figures are other figures."""
        whole = len(self.dataloader.dataset)
        if len(gallery.images) < whole or self.num_texts is not None:
            print_log(
                f'A SUBSET is tested: {gallery.describe()} out of {whole:,} '
                'images with all of their texts. Recall in a smaller gallery '
                'is higher and cannot be compared',
                logger='current', level=logging.WARNING)


@LOOPS.register_module()
class RetrievalValLoop(_Retrieval, ValLoop):
    __doc__ = 'Validates retrieval over all pairs.\n\n' + cleandoc(
        _Retrieval.__doc__)

    def run(self) -> dict[str, float]:
        """Validate."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        metrics = self.retrieve()
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics


@LOOPS.register_module()
class RetrievalTestLoop(_Retrieval, TestLoop):
    __doc__ = 'Tests retrieval over all pairs.\n\n' + cleandoc(
        _Retrieval.__doc__)

    def run(self) -> dict[str, float]:
        """Test."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        metrics = self.retrieve()
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics
