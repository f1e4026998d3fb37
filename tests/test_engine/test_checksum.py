"""One changed or moved value shows, in every type."""

import pytest
import torch

from lm4ve_mm.engine import checksum as module
from lm4ve_mm.engine.checksum import checksum

TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64,
         torch.int8, torch.bool)


@pytest.mark.parametrize('dtype', TYPES, ids=str)
@pytest.mark.parametrize('place', [0, 7, 13, 20])
def test_one_value(monkeypatch, dtype, place):
    monkeypatch.setattr(module, '_CHUNK', 8)
    tensor = (torch.arange(21) % 5).to(dtype)
    before = checksum([torch.ones(3), tensor])
    assert checksum([torch.ones(3), tensor.clone()]) == before
    tensor.data[place] = 0 if tensor[place] else 1
    assert checksum([torch.ones(3), tensor]) != before


@pytest.mark.parametrize('a, b', [(0, 1), (1, 9), (2, 10)])
def test_two_values_that_change_places(monkeypatch, a, b):
    monkeypatch.setattr(module, '_CHUNK', 8)
    tensor = torch.arange(12.)
    before = checksum([tensor])
    tensor[[a, b]] = tensor[[b, a]]
    assert checksum([tensor]) != before


def test_type_shape_and_number_count():
    tensor = torch.ones(4)
    found = [checksum(given) for given in (
        [], [tensor], [tensor, tensor], [tensor.double()],
        [tensor.reshape(2, 2)], [torch.ones(0)], [-tensor])]
    assert all(found.count(one) == 1 for one in found)
