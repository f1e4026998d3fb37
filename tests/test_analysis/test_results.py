"""Per-sample results and their files."""

import json

import numpy as np
import pytest

from lm4ve_mm.analysis.results import collect, read_results, write_results
from lm4ve_mm.utils.errors import DataError, DataNotFoundError


def some(count=11, root='/data/val'):
    names = [f'{root}/{k % 3}/{k}.png' for k in range(count)]
    return collect(names, np.arange(count) % 4 > 0, dict(seed=3))


def test_round_trip(tmp_path):
    write_results(tmp_path / 'a.json', some())
    found = read_results(tmp_path / 'a.json')
    assert found.ids == some().ids and found.about == dict(seed=3)
    assert found.correct.dtype == bool
    assert (found.correct == some().correct).all()
    assert found.accuracy == pytest.approx(8 / 11)


def test_names_do_not_depend_on_the_folder():
    assert some().ids == some(root='elsewhere/imagenet').ids
    assert some().ids[0] == '0/0.png'


def test_order_does_not_matter():
    order = np.random.default_rng(0).permutation(11)
    names = [f'/d/{k}.png' for k in order]
    found = collect(names, order % 4 > 0)
    wanted = collect(sorted(names), [
        int(name[3:-4]) % 4 > 0 for name in sorted(names)])
    assert found.ids == wanted.ids
    assert (found.correct == wanted.correct).all()


def test_a_name_that_comes_twice():
    with pytest.raises(DataError, match="'7' has more than one result"):
        collect(['7', '8', '7'], [True, False, True])


@pytest.mark.parametrize('spoil, message', [
    (lambda held: held.update(ids=held['ids'][:-1]), 'changed or cut off'),
    (lambda held: held.update(correct='AAAA'), 'changed or cut off'),
    (lambda held: held['ids'].reverse(), 'changed or cut off'),
    (lambda held: held.pop('correct'), 'does not hold per-sample results'),
    (lambda held: held.update(format='x'), 'does not hold per-sample results'),
])
def test_damaged_files(tmp_path, spoil, message):
    path = tmp_path / 'a.json'
    write_results(path, some())
    held = json.loads(path.read_text())
    spoil(held)
    path.write_text(json.dumps(held))
    with pytest.raises(DataError, match=message):
        read_results(path)


def test_absent_and_foreign_files(tmp_path):
    with pytest.raises(DataNotFoundError, match='tools/test.py --results'):
        read_results(tmp_path / 'none.json')
    (tmp_path / 'b.json').write_text('[1, 2')
    with pytest.raises(DataError, match='does not hold per-sample results'):
        read_results(tmp_path / 'b.json')
