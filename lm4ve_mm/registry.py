"""Child registries, all in scope ``lm4ve_mm``.

A config names an entry as ``lm4ve_mm.Name``, whatever its default scope is,
and anything that is not found here is looked for in MMEngine's parent.
"""

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import (
    WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS,
)
from mmengine.registry import Registry

SCOPE = 'lm4ve_mm'


def _child(name: str, parent: Registry, *folders: str) -> Registry:
    """Make a child of ``parent`` whose entries live in ``folders``."""
    return Registry(
        name,
        parent=parent,
        scope=SCOPE,
        locations=[f'{SCOPE}.{folder}' for folder in folders])


MODELS = _child('model', MMENGINE_MODELS, 'plugin')
HOOKS = _child('hook', MMENGINE_HOOKS, 'engine.hooks')
LOOPS = _child('loop', MMENGINE_LOOPS, 'plugin')
PARAM_SCHEDULERS = _child('parameter scheduler', MMENGINE_PARAM_SCHEDULERS,
                          'engine.schedulers')
OPTIM_WRAPPERS = _child('optim_wrapper', MMENGINE_OPTIM_WRAPPERS,
                        'engine.optim_wrappers')
FUNCTIONS = _child('function', MMENGINE_FUNCTIONS, 'engine.seeding')
DATASETS = _child('dataset', MMENGINE_DATASETS, 'plugin')
DATA_SAMPLERS = _child('data sampler', MMENGINE_DATA_SAMPLERS, 'plugin')
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'plugin')
WEIGHT_INITIALIZERS = _child('weight initializer',
                             MMENGINE_WEIGHT_INITIALIZERS, 'models')
METRICS = _child('metric', MMENGINE_METRICS, 'plugin')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor',
                                    MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
                                    'plugin')
RUNNERS = _child('runner', MMENGINE_RUNNERS, 'apis.fine_tuning')
