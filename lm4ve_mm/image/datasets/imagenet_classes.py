"""ImageNet's 1,000 classes and the subsets that its variants have.

The lists come with timm, which holds them for its own validation script.
Their digests are compared, since a list that changed would shift labels
without a word.
"""

import hashlib
import pkgutil
from functools import cache

from lm4ve_mm.utils.errors import DataError

# Name -> number of classes, and sha256 of the ids joined by newlines.
LISTS = dict(
    imagenet=(1000, '385e0240499426c022b773be1ae4da78'
                    '0f057b89c9694c7f47199f62746b6edd'),
    imagenet_a=(200, 'f6aa4b23244554d9b864fd715ae20048'
                     'f6a9686388911b2dfbf1ada01bf0f520'),
    imagenet_r=(200, 'e19a59d84e3746fafd34d2ccf6ae604a'
                     '44e9a0500a596f343c878a89e30ce624'))


@cache
def wordnet_ids(name: str = 'imagenet') -> tuple[str, ...]:
    """The WordNet ids of a list, such as ``n01440764``, sorted.

    Args:
        name: A key of :data:`LISTS`.

    Raises:
        DataError: If the installed timm has another list.
    """
    count, digest = LISTS[name]
    held = pkgutil.get_data('timm', f'data/_info/{name}_synsets.txt')
    ids = tuple(sorted(held.decode().split())) if held else ()
    found = hashlib.sha256('\n'.join(ids).encode()).hexdigest()
    if len(ids) != count or found != digest:
        raise DataError(
            f'the list of {name} in the installed timm has {len(ids)} classes '
            f'and the digest {found[:16]}, not {count} and {digest[:16]}: '
            'labels would be wrong. Install timm 1.0')
    return ids


@cache
def class_indices(name: str) -> tuple[int, ...]:
    """Where the classes of a list stand among the 1,000."""
    place = {wordnet_id: index
             for index, wordnet_id in enumerate(wordnet_ids())}
    return tuple(place[wordnet_id] for wordnet_id in wordnet_ids(name))
