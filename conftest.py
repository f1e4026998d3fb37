"""What holds for every test, of the package and of the projects."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True, scope='module')
def _no_scope_of_another_module():
    """MMEngine's current scope is global, and every runner sets it."""
    DefaultScope._instance_dict.clear()
    yield
    DefaultScope._instance_dict.clear()
