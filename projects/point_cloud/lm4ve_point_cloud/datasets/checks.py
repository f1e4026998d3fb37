"""Is a downloaded data set complete?"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from lm4ve_mm.utils.findings import Finding, examine

from .errors import DataError, DataNotFoundError
from .modelnet40 import ModelNet40
from .modelnet_fewshot import ModelNetFewShot
from .modelnet_files import (
    HOW_TO_GET,
    SPLITS,
    class_of,
    read_ids,
    read_text,
    text_of,
)
from .scanobjectnn import ScanObjectNN, file_of

# Clouds per split of the variants that the papers report.
SCAN_COUNTS = {
    ('obj_bg', 'train'): 2309,
    ('obj_bg', 'test'): 581,
    ('obj_only', 'train'): 2309,
    ('obj_only', 'test'): 581,
    ('pb_t50_rs', 'train'): 11416,
    ('pb_t50_rs', 'test'): 2882,
}


def expect(found: int, wanted: int, what: str) -> None:
    """Raise if a count is not what it is for everybody else."""
    if found != wanted:
        raise DataError(f'{what} has {found} clouds, the published one has '
                        f'{wanted}')


def check_scanobjectnn(root: Path) -> Iterator[Finding]:
    """Look at the three variants that the papers report."""
    for (variant, split), count in SCAN_COUNTS.items():
        path = file_of(root, split, variant)

        def look(variant=variant, split=split, count=count, path=path):
            data = ScanObjectNN(split, variant, data_root=str(root))
            expect(len(data), count, path.name)
            points = data.points.shape[1]
            if points != 2048:
                raise DataError(f'{path} has {points} points a cloud, not '
                                '2048')
            return f'{count} clouds of {points} points'

        yield examine(str(path.relative_to(root)), look)


def check_modelnet40(root: Path) -> Iterator[Finding]:
    """Look at the lists, every text file, and our caches."""
    for split, count in SPLITS.items():

        def look(split=split, count=count):
            ids = read_ids(root, split)
            expect(len(ids), count, f'modelnet40_{split}.txt')
            lost = [one for one in ids if not text_of(root, one).is_file()]
            if lost:
                raise DataNotFoundError(
                    f'{len(lost)} of {count} text files are missing, the '
                    f'first is {text_of(root, lost[0])}. {HOW_TO_GET}')
            # Reading 12311 tables takes minutes: one of each class.
            firsts = {class_of(one): one for one in reversed(ids)}
            for one in firsts.values():
                rows = len(read_text(text_of(root, one)))
                if rows != 10000:
                    raise DataError(f'{text_of(root, one)} has {rows} lines, '
                                    'not 10000')
            return (f'{count} text files, {len(firsts)} of them read')

        yield examine(f'text files of {split}', look)

        def look_at_cache(split=split, count=count):
            data = ModelNet40(split, data_root=str(root))
            expect(len(data), count, f'the cache of {split}')
            return f'{count} clouds of {data.points.shape[1]} points'

        yield examine(f'cache of {split}', look_at_cache)


def check_modelnet_fewshot(root: Path) -> Iterator[Finding]:
    """Look at the forty episodes."""
    for way, shot, fold in itertools.product((5, 10), (10, 20), range(10)):

        def look(way=way, shot=shot, fold=fold):
            train, test = (
                ModelNetFewShot(split, way, shot, fold, str(root), True)
                for split in ('train', 'test'))
            expect(len(train), way * shot, 'the training part')
            return f'{len(train)} to learn from, {len(test)} to test'

        yield examine(f'{way}way_{shot}shot/{fold}.pkl', look)


CHECKS: dict[str, Callable[[Path], Iterator[Finding]]] = dict(
    scanobjectnn=check_scanobjectnn,
    modelnet40=check_modelnet40,
    modelnet_fewshot=check_modelnet_fewshot)
