"""VQAv2, Flickr30k, and what turns their files into tensors."""

from importlib.util import find_spec

from lm4ve_mm.utils.install import how_to_install

lacking = [name for name in ('transformers', 'filelock', 'tqdm')
           if find_spec(name) is None]
if lacking:
    raise ImportError(f'questions about images need {" and ".join(lacking)}: '
                      f'{how_to_install("vqa")}')

# After the check, which says more than an import that fails.
# ruff: noqa: E402
from .answers import read_answers, write_answers
from .check_text_hook import CheckTextHook
from .flickr30k import Flickr30k, read_karpathy
from .grids import DigitsRetrieval, DigitsVQA
from .photos import LoadPhoto, ResizeCrop
from .rand_augment import RandAugmentPhoto
from .tokenise import Tokenise, load_tokenizer
from .vqav2 import VQAv2

__all__ = [
    'CheckTextHook', 'DigitsRetrieval', 'DigitsVQA', 'Flickr30k', 'LoadPhoto',
    'RandAugmentPhoto', 'ResizeCrop', 'Tokenise', 'VQAv2', 'load_tokenizer',
    'read_answers', 'read_karpathy', 'write_answers'
]
