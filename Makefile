# Every target makes .venv when there is none, and installs again when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

DAGSTER_PORT ?= 3000
MLFLOW_PORT ?= 5000

.DEFAULT_GOAL := help
.PHONY: help install run test ui check format

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(INSTALLED)  ## the environment, nothing else

run: $(INSTALLED)  ## play every campaign of campaigns.yaml to its end
	$(BIN)/equal run

test: $(INSTALLED)  ## the tests that need no GPU, LLM or browser
	$(BIN)/python -m pytest

check: $(INSTALLED)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: $(INSTALLED)  ## Dagster and MLflow over the same state; Ctrl-C ends both
	@mkdir -p .equal .dagster
	@echo "Dagster  http://127.0.0.1:$(DAGSTER_PORT)"
	@echo "MLflow   http://127.0.0.1:$(MLFLOW_PORT)"
	@trap 'kill 0' INT TERM EXIT; \
	$(BIN)/mlflow server --backend-store-uri sqlite:///.equal/mlflow.db \
	  --artifacts-destination .equal/mlartifacts --host 127.0.0.1 --port $(MLFLOW_PORT) \
	  > .equal/mlflow.log 2>&1 & \
	$(BIN)/dagster dev -h 127.0.0.1 -p $(DAGSTER_PORT)
