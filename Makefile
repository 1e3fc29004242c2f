# Everything a user does, by name. `make help` lists it.

VENV   ?= .venv
PYTHON ?= python3
STUDY  ?= params/quick.yaml
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FAST   := not (process or slow or browser or cuda or alone or soak)

.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: VENV=$(VENV)  PYTHON=$(PYTHON)  STUDY=$(STUDY)"

$(STAMP): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "benchlib needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@# Killed on its way it can be run again: what pip was killed over looks installed, and lacks files.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import pathlib, shutil, site; [shutil.rmtree(d) for d in pathlib.Path(site.getsitepackages()[0]).glob("*.dist-info") if not (d / "INSTALLER").exists()]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

install: $(STAMP)  ## the virtual environment with everything in it

hello: $(STAMP)  ## half a minute: one small model in three ways, and which of them to use
	$(BIN)/python -m benchlib run explicit/mlp --exporter eager,script,onnx_dynamo \
	    --processes 3 --duration 0.2 --warmup-time 0.1 --wait-for-quiet 0 --runoff --output outputs/hello

study: $(STAMP)  ## run a study and publish its report (STUDY=params/quick.yaml)
	$(BIN)/python -m benchlib sweep $(STUDY)
	$(BIN)/python -m benchlib report $(STUDY)

check: lint types $(STAMP)  ## lint, types, and the tests that start no process and are not slow (a minute)
	$(BIN)/python -m pytest -n 2 --dist worksteal --no-processes -m "$(FAST)"

test: $(STAMP)  ## all tests but those of `make soak`
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not alone and not soak"
	$(BIN)/python -m pytest -m "alone and not soak"

soak: $(STAMP)  ## what repeats and kills at length (under an hour)
	$(BIN)/python -m pytest -m soak

lab: $(STAMP)  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

bench: $(STAMP)  ## the harness held against loops, other tools and planted contenders (an hour)
	$(BIN)/python -m tests.bench

lint: $(STAMP)  ## ruff, and notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --keep-id --verify notebooks/*.ipynb

types: $(STAMP)  ## mypy, strict on the typed spine
	$(BIN)/mypy

pages: $(STAMP)  ## the generated pages of docs/
	$(BIN)/python -m tests.pages

figures: $(STAMP)  ## how the library reads, in figures
	$(BIN)/python -m tests.house

.PHONY: help install hello study check test soak lab bench lint types pages figures
