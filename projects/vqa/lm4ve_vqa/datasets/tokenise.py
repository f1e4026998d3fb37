"""Text to numbers, in the workers that load the images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from torch import Tensor

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.llm.weights.sources import Folder, HubModel, find_source
from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.utils.install import how_to_install


def load_tokenizer(source: str) -> Any:
    """Load the tokenizer that a text encoder was trained with.

    Args:
        source: A folder of Hugging Face, ``package://NAME`` or
            ``hf://OWNER/MODEL``, as the encoder's ``checkpoint`` is given.

    Returns:
        transformers.PreTrainedTokenizerBase: The tokenizer.

    Raises:
        CheckpointNotFoundError: If there is no such folder or package.
        CheckpointError: If it holds no tokenizer.
        ImportError: If transformers is not installed.
    """
    found = find_source(source)
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError('text is tokenised by transformers: '
                          f'{how_to_install("vqa")}') from error
    if isinstance(found, HubModel):
        place, options = found.repo, dict(revision=found.revision)
    elif isinstance(found, Folder):
        place, options = str(found.path), dict(local_files_only=True)
    else:
        raise CheckpointError(f'tokenizer={source!r} is a file; a tokenizer '
                              'is a folder with tokenizer.json, or with '
                              'vocab.json and merges.txt')
    if isinstance(found, Folder) and not any(
            (Path(place) / name).is_file()
            for name in ('tokenizer.json', 'vocab.txt', 'vocab.json',
                         'spiece.model', 'tokenizer.model')):
        raise CheckpointError(
            f'{place} holds no tokenizer: neither tokenizer.json nor '
            'vocab.json with merges.txt nor vocab.txt. Copy them from where '
            'the weights were found')
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f'cannot load the tokenizer of {source}: {error}') from error
    if tokenizer.pad_token_id is None:
        raise CheckpointError(
            f'the tokenizer of {source} has no token for padding')
    return tokenizer


@TRANSFORMS.register_module()
class Tokenise(BaseTransform):
    """Turns texts into ids of one length, and a mask of the real tokens.

    ``text`` becomes ``text_ids`` and ``text_mask`` (L, ), ``texts`` the same
    with a row for each, and ``false_texts`` becomes ``false_text_ids`` and
    ``false_text_mask`` (K, L). All are int64. A text that is too long is
    truncated and counted, which the log says for the first one, the tenth,
    and so on in each worker.

    Args:
        tokenizer: Where it lies; see :func:`load_tokenizer`.
        max_length: L; METER has 50 for questions and 40 for captions.
        false_fill: What false texts are filled with, as in METER, where
            others are with the token for padding; the mask hides both.
    """

    def __init__(self, tokenizer: str, max_length: int = 50,
                 false_fill: int = 0) -> None:
        if max_length < 3:
            raise ValueError(f'max_length={max_length} leaves no room for a '
                             'word between the first and the last token')
        self.tokenizer = load_tokenizer(tokenizer)
        self.source = tokenizer
        self.max_length = max_length
        self.false_fill = false_fill
        self.truncated = 0

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return len(self.tokenizer)

    def transform(self, results: dict) -> dict:
        """Add ids and masks of the texts that are there."""
        pad = self.tokenizer.pad_token_id
        if 'text' in results:
            ids, mask = self.encode([results['text']], pad)
            results['text_ids'], results['text_mask'] = ids[0], mask[0]
        elif 'texts' in results:
            results['text_ids'], results['text_mask'] = self.encode(
                results['texts'], pad)
        if 'false_texts' in results:
            results['false_text_ids'], results['false_text_mask'] = (
                self.encode(results['false_texts'], self.false_fill))
        return results

    def encode(self, texts: Sequence[str],
               fill: int) -> tuple[Tensor, Tensor]:
        """Encode texts.

        Args:
            texts: T of them.
            fill: What short ones are filled up with.

        Returns:
            tuple: Ids and mask, (T, L).
        """
        texts = list(texts)
        rows = self.tokenizer(
            texts, truncation=True, max_length=self.max_length)['input_ids']
        ids = torch.full((len(rows), self.max_length), fill)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, :len(row)] = torch.tensor(row)
            mask[place, :len(row)] = 1
            # Only a full row can have been longer.
            if len(row) == self.max_length:
                self._count(texts[place])
        return ids, mask

    def _count(self, text: str) -> None:
        """Count a text if it was truncated, and say so now and then."""
        length = len(self.tokenizer(text, verbose=False)['input_ids'])
        if length <= self.max_length:
            return
        self.truncated += 1
        if self.truncated in (1, 10, 100, 1_000, 10_000, 100_000):
            print_log(
                f'{self.truncated} texts truncated to {self.max_length} '
                f'tokens so far in this worker, now one of {length}: '
                f'{text[:60]!r}', logger='current')

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(tokenizer={self.source!r}, '
                f'max_length={self.max_length})')
