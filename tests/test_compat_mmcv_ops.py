"""MMDetection and MMSegmentation beside an mmcv without its operators.

Fakes of both toolboxes, which import ``mmcv.ops`` as the real ones do, are
enough for that; the real ones are trained in ``tests/test_dense``.
"""

import importlib.util

import pytest

PLAIN = 'import mmdet'
REPAIRED = """
import sys
from lm4ve_mm.compat.mmcv_ops import supply_operators
supply_operators()
"""
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('mmcv') is None
    or importlib.util.find_spec('mmcv._ext') is not None,
    reason='this mmcv has compiled operators')


@pytest.fixture
def run(warm_python, tmp_path):
    """What Python says last, with fakes of the toolboxes on the path."""
    for name in ('mmdet', 'mmseg'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').write_text(
            'import mmcv\n'
            'assert mmcv.__version__ < "2.2", "incompatible"\n'
            'import mmcv.ops\n'
            'from mmcv.cnn.bricks.transformer import '
            'MultiScaleDeformableAttention\n')
    path = f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'

    def call(code):
        # To take the toolboxes apart at the end costs more than the test.
        done = warm_python('torch', 'mmengine.runner', 'mmcv').run(
            path + code + '\nimport os\nos._exit(0)')
        lines = done.stderr.strip().splitlines()
        return lines[-1] if done.returncode else ''

    return call


def test_without_the_repair_they_cannot_be_imported(run):
    """When this fails, the repair may no longer be needed."""
    assert 'mmcv._ext' in run(PLAIN)


def test_beside_the_bound_on_the_version(run):
    """Two repairs of one module; the version is put back."""
    assert run(REPAIRED + """
import mmcv
mmcv.__version__ = '2.3.6'
try:
    import mmdet
except AssertionError as error:
    assert 'incompatible' in str(error)
from lm4ve_mm.compat.mmcv_versions import accept_newer_mmcv
accept_newer_mmcv()
import mmdet, mmseg
assert mmcv.__version__ == '2.3.6'
""") == ''


def test_compiled_operators_stay(run, tmp_path):
    (tmp_path / '_ext.py').write_text('def __getattr__(name):\n    return 7')
    assert run(REPAIRED + 'import mmcv\n'
               f'mmcv.__path__.append({str(tmp_path)!r})\n'
               'import mmdet\n'
               'assert sys.modules["mmcv._ext"].nms == 7') == ''


def test_onedl_mmsegmentation_keeps_its_own_ways(run, tmp_path):
    metadata = tmp_path / 'onedl_mmsegmentation-1.4.2.dist-info' / 'METADATA'
    metadata.parent.mkdir()
    metadata.write_text('Metadata-Version: 2.1\n'
                        'Name: onedl-mmsegmentation\nVersion: 1.4.2\n')
    assert run(REPAIRED + """
try:
    import mmseg
except ImportError as error:
    assert 'mmcv._ext' in str(error)
else:
    raise AssertionError('mmseg got a stand-in')
import mmdet
""") == ''


VALUES = """
# In a notebook the error is often seen first; and MMPretrain imports this.
import mmcv.cnn.bricks.transformer
try:
    import mmseg
except ImportError:
    pass
""" + REPAIRED + """
assert 'mmcv._ext' not in sys.modules
import mmcv.utils, mmseg, mmdet, torch, torchvision
# It is no sign of operators that are there.
assert not mmcv.utils.ext_loader.check_ops_exist()
from mmcv.ops import RoIAlign, nms, sigmoid_focal_loss
near = torch.testing.assert_close
torch.manual_seed(0)
corner = torch.rand(60, 2) * 20
boxes, scores = torch.cat([corner, corner + 9], 1), torch.rand(60)
kept, places = nms(boxes, scores, .5)
near(places, torchvision.ops.nms(boxes, scores, .5))
near(kept, torch.cat([boxes, scores[:, None]], 1)[places])
assert 0 < len(places) < 60
# With both corners inside the boxes, sides are longer by one: 100 and 95
# share 50 points of 145, and 45 of 81 + 81 - 45 otherwise.
pair = torch.tensor([[0., 0, 9, 9], [0, 4, 9, 13]])
assert [len(nms(pair, torch.tensor([1., .5]), .40, offset=offset)[1])
        for offset in (0, 1)] == [2, 1]

maps = torch.randn(2, 3, 8, 8, requires_grad=True)
rois = torch.tensor([[0, 1., 1, 6, 5], [1, 0., 2, 7, 8]])
grad = torch.randn(2, 3, 4, 2)
for aligned, ratio in ((True, 0), (False, 2)):
    found = RoIAlign((4, 2), .5, ratio, aligned=aligned)(maps, rois)
    wanted = torchvision.ops.roi_align(maps, rois, (4, 2), .5, ratio, aligned)
    near(found, wanted)
    near(*(torch.autograd.grad(one, maps, grad) for one in (found, wanted)))

logits = torch.randn(6, 3, requires_grad=True)
target = torch.tensor([0, 1, 2, 3, 3, 1])  # 3 is the background
found = sigmoid_focal_loss(logits, target, 1.5, .3, None, 'sum')
wanted = torchvision.ops.sigmoid_focal_loss(
    logits, torch.eye(4)[target, :3], .3, 1.5, 'sum')
near(found, wanted)
near(*(torch.autograd.grad(one, logits) for one in (found, wanted)))
"""


ABSENT = """
from mmcv.ops import roi_pool, soft_nms
maps, rois = torch.rand(1, 1, 4, 4), torch.zeros(1, 5)
for operator, call in (
        ('softnms', lambda: soft_nms(torch.rand(3, 4), torch.rand(3))),
        ('roi_pool_forward', lambda: roi_pool(maps, rois, 2)),
        ("roi_align with pool_mode='max'",
         lambda: RoIAlign(2, pool_mode='max')(maps, rois)),
        ('sigmoid_focal_loss with weight', lambda: sigmoid_focal_loss(
            torch.rand(2, 2), torch.zeros(2).long(), 2., .25,
            torch.ones(2)))):
    try:
        call()
    except NotImplementedError as error:
        assert str(error).startswith(f'{operator} is a compiled'), error
        assert 'mim install "mmcv>=2.1,<2.2"' in str(error)
    else:
        raise AssertionError(operator)
"""


def test_values_are_those_of_torchvision_and_the_rest_is_absent(run):
    """Gradients too; an absent operator is named when it is called."""
    assert run(VALUES + ABSENT) == ''
