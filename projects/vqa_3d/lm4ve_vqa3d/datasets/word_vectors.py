"""Word vectors: GloVe's files, or the embedding table of a language model."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from lm4ve_mm.llm.weights.sources import (
    HUB_SCHEME,
    PACKAGE_SCHEME,
    Folder,
    find_source,
)
from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.install import how_to_install, is_installed
from lm4ve_mm.utils.unpickling import read_pickle

from .tokens import MAX_TOKENS, tokenize

# In GloVe's files, the vector of every word that has none.
UNKNOWN_WORD = 'unk'
PICKLES = ('.p', '.pkl', '.pickle')
# Names of the embedding table in the model families.
TABLES = ('embeddings.word_embeddings.weight', 'embed_tokens.weight',
          'wte.weight', 'tok_embeddings.weight', 'word_embeddings.weight',
          'embed_in.weight')


class WordVectors(ABC):
    """Vectors of words.

    Attributes:
        width: Length of a vector.
    """

    width: int

    @abstractmethod
    def vector(self, word: str) -> np.ndarray:
        """The vector (width, ) of a word; an unknown word has one too."""

    def words(self, text: str) -> list[str]:
        """The words of a text that get a vector."""
        return tokenize(text)[:MAX_TOKENS]

    def embed(self, text: str) -> np.ndarray:
        """The vectors (100, width) float32 of a text, padded with zeros."""
        found = np.zeros((MAX_TOKENS, self.width), np.float32)
        for row, word in enumerate(self.words(text)):
            found[row] = self.vector(word)
        return found


class Table(WordVectors):
    """Vectors of whole words, case and all, as GloVe has them.

    Args:
        vectors: Word -> vector; :data:`UNKNOWN_WORD` is one of them.
        source: Where they are from, for the message.

    Raises:
        DataError: If the unknown word is missing, or vectors differ in
            length.
    """

    def __init__(self, vectors: Mapping[str, np.ndarray],
                 source: object) -> None:
        if UNKNOWN_WORD not in vectors:
            raise DataError(f'{source} has no vector of {UNKNOWN_WORD!r}, '
                            'which stands for every word without one')
        widths = {np.shape(vector) for vector in vectors.values()}
        shape = widths.pop()
        if widths or len(shape) != 1:
            raise DataError(f'{source} holds vectors of different lengths')
        self.width = shape[0]
        self._vectors = vectors

    def vector(self, word: str) -> np.ndarray:
        """The vector of a word, or that of the unknown word."""
        found = self._vectors.get(word)
        return self._vectors[UNKNOWN_WORD] if found is None else found


class ModelTable(WordVectors):
    """Rows of a language model's embedding table, for the pieces of words.

    Args:
        folder: Of the model, with its tokenizer.
        pieces: What stands for a word of several pieces: their ``'mean'``
            or the ``'first'``.

    Raises:
        ValueError: If ``pieces`` is neither.
        DataError: If the folder has no tokenizer or no embedding table.
    """

    def __init__(self, folder: Folder, pieces: str = 'mean') -> None:
        if pieces not in ('mean', 'first'):
            raise ValueError(f"pieces is 'mean' or 'first', not {pieces!r}")
        self.pieces = pieces
        self._tokenizer = read_tokenizer(folder.path)
        # The file is mapped: rows are read when they are needed.
        self._rows = find_table(folder)
        self.width = self._rows.shape[1]
        self._known: dict[str, np.ndarray] = {}

    def words(self, text: str) -> list[str]:
        """The words of a text; spaces are no words of a language model."""
        return [word for word in tokenize(text) if word.strip()][:MAX_TOKENS]

    def vector(self, word: str) -> np.ndarray:
        """The vector of a word, made of its pieces."""
        if word not in self._known:
            rows = self._tokenizer.encode(word, add_special_tokens=False).ids
            if self.pieces == 'first':
                rows = rows[:1]
            self._known[word] = self._rows[rows].float().mean(0).numpy()
        return self._known[word]


def read_tokenizer(folder: Path):
    """The tokenizer of a model's folder.

    Raises:
        DataError: If there is none, or the library is missing.
    """
    if not is_installed('tokenizers'):
        raise DataError('word vectors of a language model need tokenizers: '
                        f'{how_to_install("vqa3d")}')
    from tokenizers import Tokenizer
    file = folder / 'tokenizer.json'
    if not file.is_file():
        raise DataError(
            f'{folder} has no tokenizer.json, which says how words become '
            'rows of the embedding table')
    tokenizer = Tokenizer.from_file(str(file))
    # Many files are saved with the padding of the model's training.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def find_table(folder: Folder):
    """The embedding table of a model, mapped, not read.

    Raises:
        DataError: If there is none, or several.
    """
    source = folder.open((-1, ))
    names = [name for name in source.names() if name.endswith(TABLES)]
    if len(names) != 1:
        raise DataError(f'{folder} has {len(names)} embedding tables of '
                        f'words {names}; expected is one, whose name ends in '
                        f'{", ".join(TABLES)}')
    parts = source.read(names[0])
    if len(parts) != 1:
        raise DataError(f'{folder} holds its embedding table in '
                        f'{len(parts)} parts: give a folder of Hugging '
                        "Face's format")
    return parts[0]


def lines_of(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Words and vectors of GloVe's text format.

    Raises:
        DataError: If a line is something else.
    """
    with path.open(encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            # Some words of GloVe contain spaces that are no plain spaces.
            word, *numbers = line.rstrip('\n').split(' ')
            try:
                yield word, np.array(numbers, np.float32)
            except ValueError as error:
                raise DataError(f'{path}, line {number}: a word and its '
                                f'numbers are expected: {error}') from error


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Words and vectors out of ``words`` (K, ) and ``vectors`` (K, E).

    Raises:
        DataError: If the file holds something else.
    """
    try:
        with np.load(path) as held:
            words, vectors = held['words'], held['vectors']
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{path} should hold the arrays 'words' (K, ), of "
                        f"text, and 'vectors' (K, E): {error}") from error
    if words.dtype.kind != 'U' or len(words) != len(vectors):
        raise DataError(f'{path}: {len(words)} words of the type '
                        f'{words.dtype} do not fit vectors of the shape '
                        f'{vectors.shape}')
    return dict(zip(words.tolist(), vectors))


def read_word_vectors(source: str, pieces: str = 'mean',
                      allow_pickle: bool = False) -> WordVectors:
    """Read word vectors.

    Args:
        source: GloVe's text file, or the same with an ``unk`` line added, as
            ``.txt``; ``.npz`` with ``words`` and ``vectors``; SQA3D's
            ``glove.p``; or the folder of a language model, also as
            ``package://NAME``.
        pieces: For a language model: what stands for a word of several
            pieces, their ``'mean'`` or the ``'first'``.
        allow_pickle: Whether ``glove.p`` may be read. Of a pickle nothing
            but arrays of numbers is read, and nothing in it is run.

    Raises:
        DataNotFoundError: If there is nothing.
        DataError: If it is something else.
    """
    path = Path(source)
    if source.startswith(HUB_SCHEME):
        raise DataError(f'{source}: word vectors are read from a folder; '
                        'download the model first (hf download)')
    if source.startswith(PACKAGE_SCHEME) or path.is_dir():
        try:
            return ModelTable(find_source(source), pieces)
        except (SafetensorError, FileNotFoundError) as error:
            raise DataNotFoundError(str(error)) from error
    if path.suffix in PICKLES:
        held = read_pickle(
            path, allow_pickle,
            'Set word_vectors_pickle=True if you trust its source, or convert '
            'it: an .npz file with words and vectors, or the text file that '
            'GloVe comes as')
        if not isinstance(held, dict):
            raise DataError(f'{path} holds no dictionary of word vectors')
        return Table(held, path)
    if not path.is_file():
        raise DataNotFoundError(f'there are no word vectors at {source}')
    if path.suffix == '.npz':
        return Table(read_npz(path), path)
    return Table(dict(lines_of(path)), path)
