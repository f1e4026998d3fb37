"""What several test modules of the project share."""

import pytest
import torch

from lm4ve_mm.testing.clouds import golden_clouds


@pytest.fixture
def cloud_t() -> torch.Tensor:
    """Check 2 of the specification: (2, 1024, 3) float64."""
    return torch.from_numpy(golden_clouds())
