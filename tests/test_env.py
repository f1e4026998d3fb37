"""The environment report: every known breakage, found and absent."""

import subprocess
import sys
from pathlib import Path

import pytest

from lm4ve_mm import env
from lm4ve_mm.compat.breakages import BREAKAGES
from lm4ve_mm.compat.facts import Facts
from lm4ve_mm.env import diagnose

ROOT = Path(__file__).parents[1]
GOOD = dict(
    torch='2.15.0', torchvision='0.29.2', numpy='2.4.6', mmcv='2.3.6',
    setuptools='81.0.0')
BROKEN = [
    ('over each other', dict(versions={'mmengine': '1', 'onedl-mmengine': '1'
                                       })),
    ('another torch', dict(versions=dict(GOOD, torchvision='0.28.0'),
                           torchvision_needs='==2.13.0')),
    ('another torch', dict(versions=dict(GOOD, torch='2.13.0'),
                           torchvision_needs='>=2.14.0')),
    ('CPU torch', dict(versions=dict(GOOD, torch='2.13.0+cpu'))),
    ('safe loader', dict(versions=dict(GOOD, mmengine='0.10.7'))),
    ('packages without pkg_resources', dict(versions=dict(
        mmengine='0.10.7', setuptools='82.0.0'))),
    ('mim without pkg_resources', dict(versions=dict(
        openmim='0.3.9', setuptools='82.0.0'))),
    ('lm4ve_mm::NAME', dict(versions=dict(mmengine='0.10.7'))),
    ('without a GPU', dict(versions={'onedl-mmengine': '0.10.12'})),
    ('named with their scope', dict(versions=dict(mmpretrain='1.2.0'))),
    ('another mmcv', dict(versions={'mmcv-lite': '2.1.0'})),
    ('old pins', dict(versions=dict(GOOD, openmim='0.3.9',
                                    setuptools='60.2.0'))),
    ('old pins', dict(versions=dict(GOOD, openmim='0.3.9',
                                    openxlab='0.1.3'))),
    ('this mmcv', dict(versions={'mmaction2': '1.2.0', 'mmcv-lite': '2.2.0'
                                 })),
    ('this mmcv', dict(versions={'mmdet': '3.3.0', 'mmcv': '2.3.6'})),
    ('without compiled operators', dict(
        versions={'mmsegmentation': '1.2.2', 'mmcv-lite': '2.1.0'},
        has_operators=False)),
    ('mmseg::NAME', dict(versions={'onedl-mmsegmentation': '1.4.2'})),
    ('VisionTransformer', dict(versions=dict(mmaction2='1.2.0'))),
    ('configs inside', dict(versions=dict(mmengine='0.10.7'))),
    ('DRN', dict(versions=dict(mmaction2='1.2.0'),
                             has_drn=False)),
    ('VindLU', dict(versions=dict(mmaction2='1.2.0',
                                  transformers='5.23.0'))),
    ('multimodal', dict(versions=dict(pycocotools='2.0.8', mmpretrain='1.2.0',
                                      transformers='5.23.0'))),
    ('numpy 1', dict(versions={'numpy': '2.4.6', 'mmcv-lite': '2.1.0'})),
    ('browse_dataset', dict(versions=dict(mmpretrain='1.2.0',
                                          matplotlib='3.11.2'))),
    ('different versions', dict(versions={
        'opencv-python': '5.0.0.93', 'opencv-contrib-python': '4.9.0.80'})),
    ('libGL', dict(versions={'opencv-python': '5.0.0.93'}, has_libgl=False)),
    ('init_cfg that reads a file', dict(versions=dict(mmengine='0.10.7'))),
    ('checkpoints of other names', dict(versions=dict(mmengine='0.10.7'))),
    ('.mim', dict(versions=dict(lm4ve_mm='0.1.0'), has_mim_folder=False)),
]


@pytest.mark.parametrize(('name', 'facts'), BROKEN)
def test_breakage_is_found_alone(name, facts):
    """But for what the toolboxes have in any case."""
    found = {one.breakage.name: one for one in diagnose(Facts(**facts))
             if one.state}
    [name] = [found_name for found_name in found if name in found_name]
    assert found.pop(name).problem
    assert set(found) <= {
        'configs named lm4ve_mm::NAME', 'several processes without a GPU',
        'loaders named with their scope', 'mmcv-lite advising another mmcv',
        'init_cfg that reads a file', 'checkpoints of other names',
        'configs inside checkpoints', 'VisionTransformer(pretrained=FILE)'}


def test_every_breakage_is_tested_and_has_a_way_out():
    for breakage in BREAKAGES:
        assert any(part in breakage.name for part, _ in BROKEN), breakage.name
        assert breakage.seen and breakage.symptom
        assert bool(breakage.remedy) != bool(breakage.repairs)


@pytest.mark.parametrize(('versions', 'state', 'status'), [
    (dict(mmengine='0.10.7'), 'repaired', 0),
    (dict(openmim='0.3.9', setuptools='82.0.0'), ' found  ', 1),
    (dict(numpy='2.4.6'), '', 0)])
def test_check_fails_for_what_is_not_repaired(
        versions, state, status, monkeypatch, capsys):
    monkeypatch.setattr(env, 'collect', lambda: Facts(versions=versions))
    monkeypatch.setattr(sys, 'argv', ['env', '--check'])
    if status:
        with pytest.raises(SystemExit) as ended:
            env.main()
        assert ended.value.code == status
    else:
        env.main()
    assert (f'[{state}]' in capsys.readouterr().out) == bool(state)


@pytest.mark.parametrize('facts', [
    Facts(),
    Facts(versions=GOOD, torchvision_needs='>=2.14.0'),
    Facts(versions={'opencv-python-headless': '5.0.0'}, has_libgl=False),
    Facts(versions={'mmdet': '3.3.0', 'mmcv': '2.1.0'}),
    Facts(versions={'onedl-mmcv': '2.3.6'}, has_operators=False),
])
def test_sound_environments(facts):
    assert not any(finding.state for finding in diagnose(facts))


def test_report_needs_nothing_but_python():
    # -S leaves out site-packages; the checkout is the current folder.
    done = subprocess.run([sys.executable, '-S', '-m', 'lm4ve_mm.env'],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'torch cannot be imported' in done.stdout
    assert 'Known breakages' in done.stdout
