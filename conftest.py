"""What holds for every test, of the package and of the projects."""

pytest_plugins = ['lm4ve_mm.testing.fixtures']
