"""Generated stand-ins for VQAv2 and Flickr30k, in their files."""

import json
from itertools import islice
from pathlib import Path

from mmengine.logging import print_log
from numpy.random import default_rng
from tqdm import tqdm

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once
from lm4ve_mm.utils.errors import ConfigError, DataError

from .answers import choose_answers, count_answers, write_answers
from .flickr30k import Flickr30k
from .grid_pictures import Handwriting, Picture, distinct_pictures, save
from .grid_questions import ask, captions, ten_answers
from .vqav2 import VQAv2
from .vqav2_files import PARTS

# Raise it whenever the same settings give other files than before.
GENERATOR = 1
SETTINGS = 'digits.json'
CAPTIONS = 'dataset_digits.json'
CONTENTS = 'contents.json'
# The handwriting of each split: nobody's digits are in both.
HANDWRITING = dict(train='train', val='test')


def _questions_of(number: int, picture: Picture, rng) -> list[tuple]:
    """Entries of the two JSON files for one picture."""
    entries = []
    for place, question in enumerate(ask(picture, rng)):
        given = ten_answers(question, rng)
        ids = dict(image_id=number, question_id=1000 * number + place)
        entries.append((
            dict(ids, question=question.text),
            dict(ids, question_type=question.start,
                 answer_type=question.kind,
                 multiple_choice_answer=question.answer,
                 answers=[dict(answer=one, answer_confidence='yes',
                               answer_id=answer_id)
                          for answer_id, one in enumerate(given, 1)])))
    return entries


def _write_split(root: Path, split: str, pictures: list[Picture],
                 first: int, rng) -> list[str]:
    """Write pictures, questions and annotations of a split.

    Returns:
        list: The most frequent answer of each question.
    """
    part, hand = PARTS[split], Handwriting(HANDWRITING[split])
    (root / part.images).mkdir(parents=True)
    entries = []
    for number, picture in enumerate(
            tqdm(pictures, desc=f'{split} pictures', disable=None), first):
        save(hand.draw(picture, rng),
             root / part.images / part.image(number))
        entries += _questions_of(number, picture, rng)
    questions, annotations = zip(*entries)
    (root / part.questions).write_text(
        json.dumps(dict(data_subtype=part.images, questions=questions)))
    (root / part.annotations).write_text(
        json.dumps(dict(data_subtype=part.images, annotations=annotations)))
    return [one['multiple_choice_answer'] for one in annotations]


def _karpathy(pictures: dict[str, list[Picture]], gallery: int) -> dict:
    """Captions of all pictures; the test split is the first of val."""
    images, number, sentence = [], 1, 0
    for split, chosen in pictures.items():
        part = PARTS[split]
        for place, picture in enumerate(chosen):
            name = split
            if split == 'val' and place < gallery:
                name = 'test'
            sentences = [
                dict(raw=raw, imgid=number, sentid=sentence + i,
                     tokens=raw.lower().replace('.', '').split())
                for i, raw in enumerate(captions(picture))]
            sentence += len(sentences)
            images.append(dict(
                filename=f'{part.images}/{part.image(number)}', imgid=number,
                split=name, sentences=sentences,
                sentids=[one['sentid'] for one in sentences]))
            number += 1
    return dict(dataset='digits', images=images)


def write_digits(root: Path, settings: dict) -> None:
    """Write pictures, the JSON files of VQAv2, captions, and contents.

    Args:
        root: The folder to fill.
        settings: ``train``, ``val``, ``gallery``, ``seed``, ``min_count``.
    """
    rng = default_rng(settings['seed'])
    contents = distinct_pictures(rng)
    pictures = {split: list(islice(contents, settings[split]))
                for split in HANDWRITING}
    majority, first = [], 1
    for split, chosen in pictures.items():
        majority += _write_split(root, split, chosen, first, rng)
        first += len(chosen)
    write_answers(root / 'answers.json', choose_answers(
        count_answers(majority), settings['min_count']))
    (root / CAPTIONS).write_text(
        json.dumps(_karpathy(pictures, settings['gallery'])))
    (root / CONTENTS).write_text(json.dumps(pictures))
    (root / SETTINGS).write_text(json.dumps(settings))


def generate(root: str, settings: dict) -> None:
    """Generate the files if they are not there.

    Args:
        root: Where they lie.
        settings: What they depend on.

    Raises:
        ConfigError: If a setting makes no sense.
        DataError: If the folder holds others.
    """
    for name in ('train', 'val', 'gallery', 'min_count'):
        if settings[name] < 1:
            raise ConfigError(f'{name}={settings[name]} of the digits has to '
                              'be at least 1')
    if settings['gallery'] > settings['val']:
        raise ConfigError(f'gallery={settings["gallery"]} pictures out of '
                          f'val={settings["val"]}')
    wanted, folder = dict(settings, generator=GENERATOR), Path(root)
    if not folder.exists():
        print_log(f'Generating pictures and questions in {folder}: {wanted}',
                  logger='current')
    build_once(folder, lambda part: write_digits(part, wanted))
    noted = folder / SETTINGS
    found = json.loads(noted.read_text()) if noted.exists() else None
    if found != wanted:
        raise DataError(f'{folder} holds {found}, wanted is {wanted}: remove '
                        'it, or give another data_root')


@DATASETS.register_module()
class DigitsVQA(VQAv2):
    """Questions about four coloured digits, in VQAv2's files.

    The files are generated when they are first needed, vocabulary included;
    the same settings give the same files, and several processes may start at
    once. The digits are scikit-learn's, written by hand; those of the
    validation pictures are in no training picture.

    Args:
        split: ``'train'`` or ``'val'``.
        data_root: Where to put the files.
        train, val: Pictures of the splits, about seven questions each.
        gallery: How many of the validation pictures are the gallery of
            :class:`DigitsRetrieval`.
        seed: Of all that is random.
        min_count: As in ``tools/build_vqa_answers.py``.
        **kwargs: Passed to :class:`VQAv2`.
    """

    def __init__(self, split: str, data_root: str = 'data/digits_vqa',
                 train: int = 3000, val: int = 400, gallery: int = 50,
                 seed: int = 0, min_count: int = 9, **kwargs) -> None:
        if split not in HANDWRITING:
            raise ConfigError(f'the digits have no split {split!r}; there '
                              f'are {", ".join(HANDWRITING)}')
        self.settings = dict(train=train, val=val, gallery=gallery, seed=seed,
                             min_count=min_count)
        kwargs.setdefault('answers', str(Path(data_root, 'answers.json')))
        super().__init__(split, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Generate the files if they are not there, and read them."""
        generate(self.data_root, self.settings)
        return super().load_data_list()


@DATASETS.register_module()
class DigitsRetrieval(Flickr30k):
    """The pictures of :class:`DigitsVQA` with captions, as Karpathy has them.

    The test split is a gallery in which no two pictures show the same.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        data_root, train, val, gallery, seed, min_count: As in
            :class:`DigitsVQA`.
        **kwargs: Passed to :class:`Flickr30k`.
    """

    def __init__(self, split: str, data_root: str = 'data/digits_vqa',
                 train: int = 3000, val: int = 400, gallery: int = 50,
                 seed: int = 0, min_count: int = 9, **kwargs) -> None:
        self.settings = dict(train=train, val=val, gallery=gallery, seed=seed,
                             min_count=min_count)
        super().__init__(
            split, data_root=data_root, ann_file=CAPTIONS,
            data_prefix=dict(img_path=''), check_counts=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Generate the files if they are not there, and read them."""
        generate(self.data_root, self.settings)
        return super().load_data_list()
