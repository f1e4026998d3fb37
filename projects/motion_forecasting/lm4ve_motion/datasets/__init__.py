"""Argoverse 1 and 2, and what turns their scenes into arrays."""

from importlib.util import find_spec

from lm4ve_mm.utils.install import how_to_install

lacking = [name for name in ('pyarrow', 'filelock', 'tqdm')
           if find_spec(name) is None]
if lacking:
    raise ImportError(f'motion forecasting needs {" and ".join(lacking)}: '
                      f'{how_to_install("motion")}')

# After the check, which says more than an import that fails.
# ruff: noqa: E402
from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .argoverse import Argoverse1, Argoverse2
from .argoverse1_map import DrivableArea, read_argoverse1_map
from .argoverse1_scene import read_argoverse1
from .argoverse2_map import map_of, read_argoverse2_map
from .argoverse2_scene import read_argoverse2
from .base import ForecastDataset
from .data_sample import ForecastDataSample
from .lane_map import LaneMap
from .mmtransformer_features import MMTransformerFeatures
from .scene import Scene
from .town import Town
from .transforms import FlipScene, MaskHistory, PackScene
from .vectornet_features import VectorNetFeatures

__all__ = [
    'Argoverse1', 'Argoverse2', 'DataError', 'DataNotFoundError',
    'DrivableArea', 'FlipScene', 'ForecastDataSample', 'ForecastDataset',
    'LaneMap', 'MMTransformerFeatures', 'MaskHistory', 'PackScene', 'Scene',
    'Town', 'VectorNetFeatures', 'map_of', 'read_argoverse1',
    'read_argoverse1_map', 'read_argoverse2', 'read_argoverse2_map'
]
