# run · test · test-faults · lint · bench: the only commands; CI calls exactly these. For development: mutants, lock, editor, node.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: pictures run test test-faults lint bench mutants lock editor node

run: $(VENV)/.runtime
	@$(BIN)/python -m portal.keys
	@exec $(BIN)/python manage.py start --with-parent

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# FAULTS=long runs what takes minutes, too. Two processes, each with servers of its own: most of a fault is a wait.
test-faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/faults -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy portal applications voice manage.py
	$(BIN)/python -m pytest -q tests/test_layers.py
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	PORTAL_PUBLIC_URL=https://portal.example ALLOWED_HOSTS=portal.example DJANGO_SETTINGS_MODULE=tests.deployed \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

# JSON=file keeps the run; SEED=10m is for lists and pages; SOAK=10m loads it for so long instead; ARGS names some.
bench: $(VENV)/.dev
	$(if $(SEED),SEED=$(SEED)) $(BIN)/python -m benchmarks $(if $(JSON),--json $(JSON)) $(if $(SOAK),--soak $(SOAK)) $(ARGS)

# Every picture of the docs anew; one that looks otherwise is kept beside the last one, until TAKE=NAME (or all) takes it.
pictures: $(VENV)/.dev
	$(BIN)/python -m tests.pictures $(if $(TAKE),--take $(TAKE)) $(ARGS)

# What does no test notice? N=300 SEED=1 draws them, ROOM=voice/dispatch from one room; GUARDS=yes takes the known guards
# away. The first time it notes which lines each test runs, for many minutes; TESTS=tests/voice/dispatch notes and runs
# these alone.
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants $(if $(N),--number $(N)) $(if $(SEED),--seed $(SEED)) $(if $(ROOM),--room $(ROOM)) \
	  $(if $(TESTS),--tests $(TESTS)) $(if $(GUARDS),--guards $(GUARDS)) $(ARGS)

# Made anew from pyproject.toml; needs uv. The lock files hold hashes and no address of an index.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --extra portal pyproject.toml -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --extra portal --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

# The TeXML editor's bundle, made anew from its sources and its lock; needs Node 20 or newer.
editor:
	cd voice/texml_editor/source && npm ci && node build.mjs

# Telnyx's SDK for Node with the compiler that judges by its types, as locked: tests of the sandbox ask by it where it is.
node:
	cd tests/portal/sandbox/conformance/node && npm ci

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed.")'
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements.txt
	@echo "Installing what the portal needs …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.txt
	@echo "Installing what tests and checks need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime
