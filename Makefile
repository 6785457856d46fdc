# Every recipe sets itself up: a fresh machine needs Python 3.11 or newer, make, and the package
# registries.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-fast check format bench reference clean

help:  ## Show what there is
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## Build .venv from the lock file

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Meshseal needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@echo "Building .venv: this downloads about 300 MB once."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## Run a server with the traffic of a shop, and say where to look
	@$(BIN)/python -m demo

serve: $(READY)  ## Run a server for trying out, without traffic
	@$(BIN)/meshseal serve --data ./demo-data/serve --trial

test: $(READY)  ## Run every test, two files at a time
	$(BIN)/pytest -n 2 --dist loadfile

test-fast: $(READY)  ## Run the tests that start no server
	$(BIN)/pytest -m "not e2e and not faults and not browser"

check: $(READY)  ## Format, lint, types, floors, file length
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/file_length.py

format: $(READY)  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## Measure, against what the engine alone can do
	$(BIN)/python -m bench

reference: $(READY)  ## Make the reference pages anew
	$(BIN)/python tools/reference.py

clean:  ## Remove what was built
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-data
