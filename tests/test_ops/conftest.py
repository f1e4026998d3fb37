"""What the tests of sampling and grouping share."""

import pytest
import torch

from lm4ve_mm.testing.clouds import golden_clouds


@pytest.fixture
def cloud_t() -> torch.Tensor:
    """Two clouds, (2, 1024, 3) float64."""
    return torch.from_numpy(golden_clouds())
