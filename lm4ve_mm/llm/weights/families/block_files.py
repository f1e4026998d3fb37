"""Our own files of one or a few blocks, which have our own names."""

from typing import Any

from ...block.foreign_geometry import ForeignGeometry
from ...block.geometry import BlockGeometry
from .base import Config, Family


def _stored_geometry(metadata: Config) -> Any:
    if 'model_type' in metadata['geometry']:
        return ForeignGeometry.from_dict(metadata['geometry'])
    return BlockGeometry.from_dict(metadata['geometry'])


BLOCK_FILE = Family(
    name='block file',  # each file says of which family its blocks are
    config_file='lm4ve_mm.block/1',
    model_types=(),
    num_layers_key='num_layers',
    geometry=_stored_geometry,
    prefixes=('layers.{i}.', ),
    modules={},
    final_norm=('final_norm', ))
