"""Our image models among those that MMPretrain knows by name."""

import warnings
from pathlib import Path

from mmpretrain.apis.model import ModelHub

PACKAGE = Path(__file__).parents[1]
METAFILE = Path('configs', 'metafile.yml')
TASK = 'Image Classification'


def register() -> list[str]:
    """Make ``mmpretrain.get_model('vit_s_llama_in1k')`` and the like work.

    The names are the image classifiers of ``configs/metafile.yml``, which
    lies in the package's ``.mim`` or, where that was not made, in the
    checkout. Where it lies in neither, as in a copy of the package's modules
    alone, there is nothing to register and no error. Configs are read when a
    model is asked for. Calling it again changes nothing.

    A name that something else has taken stays its own, with a warning.
    MMPretrain adds its own models when a name is first asked for, and raises
    an error if one of them is taken; none of 1.2's is.

    Returns:
        list: The names that lead to our configs.
    """
    for root in (PACKAGE / '.mim', PACKAGE.parent):
        if (root / METAFILE).is_file():
            break
    else:
        return []

    class Ours(ModelHub):
        """What the file holds, before it is chosen from."""

        _models_dict = {}

    Ours.register_model_index(root / METAFILE, config_prefix=root)
    names = []
    for name, model in Ours._models_dict.items():
        if TASK not in [result.task for result in model.results or ()]:
            continue
        held = ModelHub._models_dict.setdefault(name, model)
        if held.config == model.config:
            names.append(name)
        else:
            warnings.warn(
                f"MMPretrain's model {name!r} is that of {held.filepath}; "
                f'ours, of the same name, can be had by its config alone: '
                f'{model.config}',
                stacklevel=2)
    return names
