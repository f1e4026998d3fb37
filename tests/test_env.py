"""The environment report: every known breakage, found and absent."""

import subprocess
import sys
from pathlib import Path

import pytest

from lm4ve_mm.env import CHECKS, Facts, diagnose

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
    ('pkg_resources', dict(versions=dict(mmengine='0.10.7',
                                         setuptools='82.0.0'))),
    ('old pins', dict(versions=dict(GOOD, openmim='0.3.9',
                                    setuptools='60.2.0'))),
    ('old pins', dict(versions=dict(GOOD, openmim='0.3.9',
                                    openxlab='0.1.3'))),
    ('this mmcv', dict(versions={'mmaction2': '1.2.0', 'mmcv-lite': '2.2.0'
                                 })),
    ('mmaction.models', dict(versions=dict(mmaction2='1.2.0'),
                             has_drn=False)),
    ('mmaction.models', dict(versions=dict(mmaction2='1.2.0',
                                           transformers='5.23.0'))),
    ('multimodal', dict(versions=dict(pycocotools='2.0.8', mmpretrain='1.2.0',
                                      transformers='5.23.0'))),
    ('numpy 1', dict(versions={'numpy': '2.4.6', 'mmcv-lite': '2.1.0'})),
    ('different versions', dict(versions={
        'opencv-python': '5.0.0.93', 'opencv-contrib-python': '4.9.0.80'})),
    ('libGL', dict(versions={'opencv-python': '5.0.0.93'}, has_libgl=False)),
    ('.mim', dict(versions=dict(lm4ve_mm='0.1.0'), has_mim_folder=False)),
]


@pytest.mark.parametrize(('name', 'facts'), BROKEN)
def test_breakage_is_found_alone(name, facts):
    found = [finding for finding in diagnose(Facts(**facts))
             if finding.present]
    assert len(found) == 1
    assert name in found[0].name
    assert found[0].problem
    assert found[0].remedy


def test_every_check_is_tested():
    for name, _, _ in CHECKS:
        assert any(part in name for part, _ in BROKEN), name


@pytest.mark.parametrize('facts', [
    Facts(),
    Facts(versions=GOOD, torchvision_needs='>=2.14.0'),
    Facts(versions={'opencv-python-headless': '5.0.0'}, has_libgl=False),
])
def test_sound_environments(facts):
    assert not any(finding.present for finding in diagnose(facts))


def test_report_needs_nothing_but_python():
    # -S leaves out site-packages; the checkout is the current folder.
    done = subprocess.run([sys.executable, '-S', '-m', 'lm4ve_mm.env'],
                          cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'torch cannot be imported' in done.stdout
    assert 'Known breakages' in done.stdout
