"""The scene's frame from several steps of the target."""

import numpy as np
import pytest
from lm4ve_motion.datasets import VectorNetFeatures
from lm4ve_motion.datasets.frames import rotation

EAST = np.stack([np.arange(50.), np.zeros(50)], 1)
ALWAYS = np.ones(50, bool)


def forward(cases, steps, track, seen=ALWAYS):
    """The direction of the city that becomes +x."""
    scene = cases.make_scene(dict(AGENT=('AGENT', track, seen)))
    theta = VectorNetFeatures(heading_steps=steps)(scene)['theta']
    return rotation(-theta) @ (1., 0.)


def along(*move):
    return pytest.approx(np.array(move) / np.hypot(*move))


def test_a_crooked_last_step_weighs_less(cases):
    track = EAST.copy()
    track[19, 1] = .5
    assert forward(cases, 1, track) == along(1, .5)
    assert forward(cases, 5, track) == along(5, .5)


def test_only_the_last_gapless_run_counts(cases):
    track = EAST.copy()
    track[:17, 1] = 9.
    track[19, 1] = 1.
    gap = ALWAYS.copy()
    gap[16] = False
    assert forward(cases, 5, track, gap) == along(2, 1)
    assert forward(cases, 5, track) == along(5, -8)


def test_at_least_one_step():
    with pytest.raises(ValueError, match='heading_steps=0'):
        VectorNetFeatures(heading_steps=0)


def test_caches_of_other_headings_are_others():
    one, five = (VectorNetFeatures(heading_steps=n).settings for n in (1, 5))
    assert one != five
