"""ImageNet as it is downloaded: two archives."""

from pathlib import Path, PurePosixPath

from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError, DataError

from .imagenet_classes import wordnet_ids
from .imagenet_variants import IMAGES
from .tar_files import Member, address, list_members


@DATASETS.register_module()
class ImageNetTar(BaseDataset):
    """Images of a ``.tar`` with one folder, or one inner archive, a class.

    ``ILSVRC2012_img_train.tar`` is read as it is, and any archive of class
    folders; ``ILSVRC2012_img_val.tar``, which has no folders, together with a
    list of labels.

    Args:
        archive (str): The archive, below ``data_root``.
        ann_file (str): For an archive without folders: a text file of lines
            ``NAME LABEL``, as MMPretrain's ``meta/val.txt``.
        group (str, optional): Name of the set for
            :class:`lm4ve_mm.RobustnessMetric`.
        data_root (str): A folder.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ConfigError: If images have neither a class folder nor a label.
        DataNotFoundError: If the archive is absent.
        DataError: If it cannot be read, or the labels do not fit.
    """

    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def __init__(self, archive: str, ann_file: str = '',
                 group: str | None = None, data_root: str = '',
                 **kwargs) -> None:
        self.archive = Path(data_root, archive)
        self.group = group
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """One record an image; the archive's headers are read once."""
        members = sorted(
            member for member in list_members(self.archive)
            if PurePosixPath(member.name).suffix in IMAGES)
        if not members:
            raise DataError(f'{self.archive} holds no images')
        label = (_labels_of(Path(self.ann_file), members, self.archive)
                 if self.ann_file else self._by_folder())
        more = {} if self.group is None else dict(group=self.group)
        return [
            dict(img_path=address(self.archive, member),
                 gt_label=label(member), **more) for member in members
        ]

    def _by_folder(self):
        place = {name: label for label, name in enumerate(wordnet_ids())}

        def label(member: Member) -> int:
            for part in reversed(PurePosixPath(member.name).parts[:-1]):
                if part in place:
                    return place[part]
            raise ConfigError(
                f'{member.name} in {self.archive} lies in no folder named by '
                'a class, such as n01440764: give the labels in ann_file '
                '(lines of NAME LABEL)')

        return label


def _labels_of(ann_file: Path, members: list[Member], archive: Path):
    """Labels of a list, which has to name every image."""
    held = {}
    for line in ann_file.read_text().splitlines():
        name, _, label = line.strip().rpartition(' ')
        held[PurePosixPath(name).name] = int(label)
    lacking = [member.name for member in members
               if PurePosixPath(member.name).name not in held]
    if lacking:
        raise DataError(f'{ann_file} has no label for {lacking[0]} in '
                        f'{archive}, nor for {len(lacking) - 1} more images')
    return lambda member: held[PurePosixPath(member.name).name]
