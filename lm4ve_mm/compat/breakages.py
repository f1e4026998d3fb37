"""What is known to be broken in the toolboxes, in one table.

:mod:`lm4ve_mm.env` reports it and :func:`lm4ve_mm.compat.apply` repairs what
can be repaired. It needs nothing but Python, so that it can be read when
nothing else imports.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .facts import PACKAGES, THIS_PACKAGE, Facts, numbers

OPENCV = tuple(name for name in PACKAGES if name.startswith('opencv'))
FORKS = (('mmengine', 'onedl-mmengine'), ('mmcv', 'onedl-mmcv'),
         ('mmcv-lite', 'onedl-mmcv'), ('mmpretrain', 'onedl-mmpretrain'),
         ('mmsegmentation', 'onedl-mmsegmentation'),
         ('mmdet', 'onedl-mmdetection'), ('openmim', 'onedl-mim'))
MMENGINE = ('mmengine', 'onedl-mmengine')
MMCV = ('mmcv', 'mmcv-lite', 'onedl-mmcv')
# onedl-mmsegmentation does without.
NEED_OPERATORS = ('mmsegmentation', 'mmdet', 'onedl-mmdetection')
MMPRETRAIN = ('mmpretrain', 'onedl-mmpretrain')


@dataclass(frozen=True)
class Breakage:
    """One thing that does not work with some versions.

    Args:
        name: What breaks.
        seen: The versions that it was seen with, and what ends it.
        symptom: What a user sees of it.
        find: Facts -> what has the breakage here; None if nothing has it.
        remedy: What the user can do; empty where importing the plugin, as
            our configs and tools do, repairs all of it.
        repairs: ``module:function`` in :mod:`lm4ve_mm.compat`. Each returns
            whether it changed anything.
    """

    name: str
    seen: str
    symptom: str
    find: Callable[[Facts], str | None]
    remedy: str = ''
    repairs: tuple[str, ...] = ()


def _present(*names: str) -> Callable[[Facts], str | None]:
    return lambda facts: facts.named(*names) or None


_mmengine = _present(*MMENGINE)
_mmpretrain = _present(*MMPRETRAIN)
_mmaction2 = _present('mmaction2')
_mmseg_fork = _present('onedl-mmsegmentation')
_mmcv_lite = _present('mmcv-lite')


def _both_stacks(facts: Facts) -> str | None:
    pairs = [facts.named(official, fork) for official, fork in FORKS
             if facts.has(official) and facts.has(fork)]
    return '; '.join(pairs) or None


def _torch_pair(facts: Facts) -> str | None:
    need = facts.torchvision_needs or ''
    if need[:2] not in ('==', '>=') or not (
            facts.has('torch') and facts.has('torchvision')):
        return None
    wanted = numbers(need[2:].strip())
    found = numbers(facts.versions['torch'])
    if found == wanted or (need[0] == '>' and found > wanted):
        return None
    return (facts.named('torchvision', 'torch')
            + f', but it asks for torch{need}')


def _cpu_torch(facts: Facts) -> str | None:
    if (facts.versions.get('torch', '').endswith('+cpu')
            and facts.has('torchvision')
            and not facts.versions['torchvision'].endswith('+cpu')):
        return facts.named('torch', 'torchvision')
    return None


def _safe_loader(facts: Facts) -> str | None:
    if facts.has('torch', '2.6') and any(map(facts.has, MMENGINE)):
        return facts.named(*MMENGINE, 'torch')
    return None


def _pkg_resources(facts: Facts) -> str | None:
    if facts.has('mmengine', below='0.11') and facts.has('setuptools', '82'):
        return facts.named('setuptools', 'mmengine')
    return None


def _mim_pkg_resources(facts: Facts) -> str | None:
    if facts.has('openmim') and facts.has('setuptools', '82'):
        return facts.named('setuptools', 'openmim')
    return None


def _mim_pins(facts: Facts) -> str | None:
    old = (facts.has('torch', '2.14')
           and facts.has('setuptools', below='77.0.3'))
    if facts.has('openmim') and (old or facts.has('openxlab', '0.0.12')):
        return facts.named('openmim', 'openxlab', 'setuptools')
    return None


def _mmcv_ceiling(facts: Facts) -> str | None:
    refusing = [name for name in ('mmaction2', 'mmsegmentation', 'mmdet')
                if facts.has(name)]
    for mmcv in MMCV:
        if facts.has(mmcv, '2.2') and refusing:
            return facts.named(*refusing, mmcv)
    return None


def _no_operators(facts: Facts) -> str | None:
    users = [name for name in NEED_OPERATORS if facts.has(name)]
    if users and not facts.has_operators:
        return facts.named(*users, *MMCV)
    return None


def _drn(facts: Facts) -> str | None:
    if facts.has('mmaction2') and not facts.has_drn:
        return facts.named('mmaction2')
    return None


def _vindlu(facts: Facts) -> str | None:
    if facts.has('mmaction2') and facts.has('transformers', '4.57'):
        return facts.named('mmaction2', 'transformers')
    return None


def _multimodal(facts: Facts) -> str | None:
    if (facts.has('pycocotools') and facts.has('transformers', '4.57')
            and any(map(facts.has, MMPRETRAIN))):
        return facts.named(*MMPRETRAIN, 'pycocotools', 'transformers')
    return None


def _numpy(facts: Facts) -> str | None:
    users = [name for name, below in (
        ('mmcv', '2.3'), ('mmcv-lite', '2.3'), ('mmpretrain', '1.3'),
        ('mmaction2', '1.3')) if facts.has(name, below=below)]
    if users and facts.has('numpy', '2'):
        return facts.named('numpy', *users)
    return None


def _matplotlib(facts: Facts) -> str | None:
    if facts.has('matplotlib', '3.11') and any(map(facts.has, MMPRETRAIN)):
        return facts.named(*MMPRETRAIN, 'matplotlib')
    return None


def _opencv(facts: Facts) -> str | None:
    found = [name for name in OPENCV if name in facts.versions]
    differ = len({facts.versions[name] for name in found}) > 1
    return facts.named(*found) if differ else None


def _libgl(facts: Facts) -> str | None:
    windowed = [name for name in OPENCV
                if facts.has(name) and not name.endswith('headless')]
    return facts.named(*windowed) if windowed and not facts.has_libgl else None


def _mim_folder(facts: Facts) -> str | None:
    if facts.has(THIS_PACKAGE) and not facts.has_mim_folder:
        return 'this install has no lm4ve_mm/.mim folder'
    return None


BREAKAGES = (
    Breakage(
        'official and onedl toolboxes over each other',
        'any', 'files of one are run as the other', _both_stacks,
        'they share their folders: pip uninstall both, then install one'),
    Breakage(
        'torchvision for another torch',
        'any', 'operator torchvision::nms does not exist', _torch_pair,
        'install the tested pair: pip install torch==2.15.0 '
        'torchvision==0.29.2'),
    Breakage(
        'CPU torch beside CUDA-built torchvision',
        'torchvision 0.28.0', 'operator torchvision::nms does not exist',
        _cpu_torch,
        'take both from the same source: torch==2.15.0 torchvision==0.29.2 '
        'from PyPI, or both as +cpu builds'),
    Breakage(
        'checkpoints under the safe loader',
        'mmengine 0.10.7 with torch >= 2.6, until it saves plain values; '
        'onedl-mmengine 0.10.12 falls back to the unsafe loader',
        'Weights only load failed; downloaded files are executed',
        _safe_loader,
        repairs=('checkpoints:allow_mmengine_history',
                 'checkpoints:replace_unsafe_fallback',
                 'checkpoints:load_urls_safely')),
    Breakage(
        'configs of packages without pkg_resources',
        'mmengine 0.10.7 with setuptools >= 82, until mmengine 0.11',
        "No module named 'pkg_resources'", _pkg_resources,
        repairs=('packages:replace_pkg_resources', )),
    Breakage(
        'configs named lm4ve_mm::NAME',
        'mmengine 0.10.7 and 0.11.0rc3, until they take third-party packages',
        'mmengine does not support to load lm4ve_mm config', _mmengine,
        repairs=('packages:know_this_package', )),
    Breakage(
        'configs named mmseg::NAME',
        'onedl-mmengine 0.10.12 with onedl-mmsegmentation 1.4.2, until it '
        'knows the fork',
        'mmsegmentation is not installed, please install mmsegmentation',
        _mmseg_fork, repairs=('packages:know_the_fork', )),
    Breakage(
        'several processes without a GPU',
        'mmengine 0.10.7, 0.11.0rc3 and onedl-mmengine 0.10.12, until they '
        'choose the backend by device',
        'Found no NVIDIA driver; device_ids and output_device arguments only '
        'work with ...', _mmengine,
        repairs=('distributed:start_without_gpu',
                 'distributed:wrap_without_gpu')),
    Breakage(
        'mim without pkg_resources',
        'openmim 0.3.9 with setuptools >= 82',
        "No module named 'pkg_resources'", _mim_pkg_resources,
        'pip install "setuptools>=77.0.3,<82"'),
    Breakage(
        'openmim dragging old pins',
        'openxlab >= 0.0.12', 'torch asks for a newer setuptools', _mim_pins,
        'pip install openmim==0.3.9 openxlab==0.0.11 '
        '"setuptools>=77.0.3,<82", in one command'),
    Breakage(
        'toolboxes refusing this mmcv',
        'mmaction2 1.2.0, mmsegmentation 1.2.2 and mmdet 3.3.0 with '
        'mmcv >= 2.2, until they raise their bounds',
        'MMCV==2.3.6 is used but incompatible', _mmcv_ceiling,
        repairs=('mmcv_versions:accept_newer_mmcv', )),
    Breakage(
        'mmcv.ops without compiled operators',
        'mmsegmentation 1.2.2, mmdet 3.3.0 and onedl-mmdetection 3.5.1 with '
        'mmcv-lite or a pure-Python onedl-mmcv; nms, roi_align and '
        'sigmoid_focal_loss are those of torchvision then, and every other '
        'operator is an error when it is called',
        "No module named 'mmcv._ext'", _no_operators,
        repairs=('mmcv_ops:supply_operators', )),
    Breakage(
        'import mmaction.models: DRN',
        'the wheel of mmaction2 1.2.0 on PyPI, until a release has it',
        "No module named 'mmaction.models.localizers.drn'", _drn,
        repairs=('mmaction2:supply_drn', )),
    Breakage(
        'import mmaction.models: VindLU',
        'mmaction2 1.2.0 with transformers >= 4.57; VindLU is left out then',
        "cannot import name 'apply_chunking_to_forward'", _vindlu,
        repairs=('multimodal:leave_out_of_mmaction2', )),
    Breakage(
        'import mmpretrain.models: multimodal models',
        'mmpretrain 1.2.0 with transformers >= 4.57 and pycocotools; its '
        'multimodal models are left out then',
        'NoneType takes no arguments', _multimodal,
        repairs=('multimodal:leave_out_of_mmpretrain', )),
    Breakage(
        'loaders named with their scope',
        'mmpretrain 1.2.0 and onedl-mmpretrain 1.3.6, until '
        'get_transform_idx asks the registry',
        "KeyError: 'img_path' in ImageClassificationInferencer", _mmpretrain,
        repairs=('mmpretrain:find_loaders_by_class', )),
    Breakage(
        'init_cfg that reads a file',
        'mmengine 0.10.7 and onedl-mmengine 0.10.12, which take "Pretrained" '
        'alone for a file, and mmpretrain 1.2.0, whose ViT draws its '
        'positions anew; until a file is read after all initialisers',
        'weights of a file are drawn anew, in silence', _mmengine,
        repairs=('starts:load_files_last', )),
    Breakage(
        'checkpoints of other names',
        'mmengine 0.10.7 and onedl-mmengine 0.10.12, until what does not fit '
        'is an error', 'the model and loaded state dict do not match exactly',
        _mmengine, repairs=('starts:load_whole_hosts', )),
    Breakage(
        'VisionTransformer(pretrained=FILE)',
        'mmaction2 1.2.0', 'the file is not read, in silence', _mmaction2,
        repairs=('mmaction2:keep_pretrained', )),
    Breakage(
        'configs inside checkpoints',
        'mmengine 0.10.7 and onedl-mmengine 0.10.12, until they are no code',
        'an inferencer without a config, and a resumed run, execute text of '
        'the checkpoint', _mmengine,
        repairs=('checkpoint_configs:refuse_to_execute', )),
    Breakage(
        'toolboxes written for numpy 1',
        'mmcv < 2.3, mmpretrain 1.2.0 and mmaction2 1.2.0 with numpy >= 2',
        "numpy has no attribute 'in1d', 'Inf' or 'trapz'; Python integer -17 "
        'out of bounds for uint8', _numpy,
        repairs=('numpy2:restore_numpy_names', 'numpy2:repair_adjust_hue',
                 'mmaction2:repair_video_hue')),
    Breakage(
        "MMPretrain's browse_dataset",
        'mmpretrain 1.2.0 and onedl-mmpretrain 1.3.6 with matplotlib >= 3.11',
        "adjust_bbox() missing 1 required positional argument: 'renderer'",
        _matplotlib, repairs=('matplotlib:need_no_renderer', )),
    Breakage(
        'mmcv-lite advising another mmcv',
        'mmcv-lite 2.1.0 and 2.2.0', 'Fail to import '
        'MultiScaleDeformableAttention ... You should install mmcv',
        _mmcv_lite,
        repairs=('mmcv_lite:drop_advice', )),
    Breakage(
        'OpenCV packages of different versions',
        'any', 'parts of cv2 are missing', _opencv,
        'they share the folder cv2: uninstall all of them, then install the '
        'needed ones at one version'),
    Breakage(
        'OpenCV without libGL',
        'any', 'libGL.so.1: cannot open shared object file', _libgl,
        'apt install libgl1 libglib2.0-0, or put opencv-python-headless in '
        'place of the others'),
    Breakage(
        'editable install without .mim',
        'any', 'mim and lm4ve_mm:: names find no configs', _mim_folder,
        'pip install -e . again'),
)
