# SPDX-License-Identifier: Apache-2.0
# Every check, here and in continuous integration, is one of these targets.

PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.set-up
UV ?= $(BIN)/uv

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup graphics demo test check format lint types imports fast thorough long lowest fix bench lock clean

# Commands in docs and tests find the environment's programs, mpiexec among them.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export TF_CPP_MIN_LOG_LEVEL ?= 3

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with exact versions (minutes, needs the internet once)

# Written last: an install that broke off is done again.
# Compiling apart, on all cores, takes half the time; some packages hold files that are
# not meant to compile.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' || { \
		echo "Python 3.11 or 3.12 is needed, '$(PYTHON)' is not. Try: make setup PYTHON=/path/to/python3.11" >&2; \
		exit 2; }
	@echo "Installing the packages of requirements.txt into .venv: a few minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps --no-compile -r requirements.txt
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check --disable-pip-version-check
	@$(MAKE) --no-print-directory graphics
	@touch $@

# Pictures are drawn without a screen. All else runs without; so this never fails.
GRAPHICS := libegl1 libgl1 libgles2 libopengl0
graphics: ## Install the system's libraries for pictures, where that is possible
	@if ldconfig -p 2>/dev/null | grep -qE 'libEGL\.so\.1|libOSMesa\.so' || [ "$$(uname)" = Darwin ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get install -qq -y --no-install-recommends $(GRAPHICS) || \
		{ apt-get update -qq && apt-get install -qq -y --no-install-recommends $(GRAPHICS); }; } >/dev/null 2>&1; \
	then echo "Installed the graphics libraries $(GRAPHICS)."; \
	else echo "Pictures and vision as pixels need: apt-get install $(GRAPHICS)"; fi

demo: $(STAMP) ## From the atlas to a trained, analysed network (ten minutes)
	$(BIN)/angora-train demo --out runs/demo

test: check thorough ## All that a newcomer needs to pass: check, then the slow tests

# Two at a time: types and tests take longest, the tests on two cores of their own.
check: $(STAMP) ## Format, lint, types, import contracts, fast tests (a minute)
	@$(MAKE) --no-print-directory --jobs=2 format lint types imports fast

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports --no-logo

fast: $(STAMP)
	$(BIN)/pytest -m "not slow and not mpi and not network and not long" -n 2 --dist loadfile

# The examples in docstrings, then what is slow, then what starts MPI ranks, which take
# two cores by themselves.
thorough: $(STAMP)
	$(BIN)/pytest atlasnet angora_train
	$(BIN)/pytest -m "slow and not mpi and not network and not long" -n 2 --dist loadfile --durations=10
	$(BIN)/pytest -m "mpi and not network and not long" --durations=10

long: $(STAMP) ## Tests that take long and have a short twin in `make test`
	$(BIN)/pytest -m "long and not network" --durations=10

# What pyproject.toml promises: the oldest versions that it allows, in an environment of
# their own, pass the fast tests.
LOWEST := .venv-lowest
lowest: $(UV) ## The fast tests with the lowest versions of all dependencies (20 minutes)
	$(UV) venv --quiet --clear --python $(PYTHON) $(LOWEST)
	$(UV) pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[train,jax,live,dev]'
	PATH=$(CURDIR)/$(LOWEST)/bin:$$PATH $(LOWEST)/bin/python -m pytest -m "not slow and not mpi and not network and not long" -n 2 --dist loadfile -p no:cacheprovider

fix: $(STAMP) ## Format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Refresh benchmarks/README.md; with PEERS=1 measure peers too (6 GB)
	$(BIN)/python benchmarks/report.py $(if $(PEERS),--peers)

lock: $(UV) ## Refresh requirements.txt from pyproject.toml (needs the internet)
	{ echo "# Exact versions and hashes for Python 3.11 and 3.12, made by: make lock"; \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --all-extras \
	    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links pyproject.toml; \
	} > requirements.txt.new
	mv requirements.txt.new requirements.txt

$(BIN)/uv: | $(STAMP)
	$(BIN)/python -m pip install --quiet uv

clean: ## Remove the environment and what tools leave behind; runs/ stays
	rm -rf .venv .venv-lowest build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find atlasnet angora_train tests benchmarks data docs -name __pycache__ -prune -exec rm -rf {} +
