# Everything a developer and CI do, by name; `make help` lists it.
# Needed: Python 3.10+ with venv, make, and for the end-to-end parts either Pulumi or Go (tools/pulumi_cli.py).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.installed
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pulumi-edas-scale
AUDIT_VENV := $(CACHE)/venv-audit
LOCK_VENV := $(CACHE)/venv-lock
LOCK = $(LOCK_VENV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
  --constraint constraints.txt --custom-compile-command 'make locks'
LOWEST_VENV := build/venv-lowest
LOWEST_STAMP := $(LOWEST_VENV)/.installed
# The lowest Python too, where there is one.
LOWEST_PYTHON = $(shell for p in python3.10 $(PYTHON); do if $$p -c '' 2>/dev/null; then echo $$p; break; fi; done)

# The suites, in the order of `make test`: what fails quickly comes first.
STEPS := lint unit property coverage contract pulumi-cli e2e
# Two cores. An end-to-end test waits for EDAS two thirds of its time.
WORKERS ?= 2
E2E_WORKERS ?= 5
PYTEST_ARGS ?=
PYTEST := $(BIN)/python -m pytest $(PYTEST_ARGS)
# No dots in the names of the files of one suite: a report takes COVERAGE_DATA.* for parts of its own and deletes them.
COVERAGE_DATA := build/coverage
COVERED_PYTEST = mkdir -p build && rm -f $(COVERAGE_DATA)-$@* && \
  COVERAGE_FILE=$(COVERAGE_DATA)-$@ $(PYTEST) -n $(WORKERS) --cov --cov-report=

CHECKED := $(wildcard pulumi_edas_scale pulumi_edas_scale_sdk.py tests tools examples)
LANGUAGES := python,yaml,nodejs

# The files whose every branch a unit or property test takes: they decide, so an untested line is an untested decision.
PURE := domain/model domain/errors domain/plan domain/resolution domain/orders domain/fields domain/inputs domain/settings \
  domain/messages domain/codes domain/clock domain/drift domain/regions \
  edas/doubts edas/failures edas/hints edas/lookout edas/parse edas/poll_schedule edas/queue edas/rate_limit \
  edas/texts edas/waiter \
  operations/claims operations/follow operations/ghosts operations/outcome operations/ownership \
  operations/reconcile operations/submit
comma := ,
empty :=
space := $(empty) $(empty)
PURE_FILES := $(PURE:%=pulumi_edas_scale/%.py)

# Puts the environment and the Pulumi CLI first on PATH, for programs that run stacks.
WITH_PULUMI = cli="$$($(PYTHON) tools/pulumi_cli.py --languages $(LANGUAGES))" && export PATH="$(BIN):$$cli:$$PATH" &&

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(STAMP) ## make or refresh the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; set PYTHON=")'
	if command -v uv >/dev/null; then \
	  [ -x $(VENV)/bin/python ] || uv venv --quiet --seed --python "$$(command -v $(PYTHON))" $(VENV); \
	  uv pip install --quiet --python $(VENV) --constraint constraints.txt --editable . --group dev; \
	else \
	  [ -x $(VENV)/bin/pip ] || $(PYTHON) -m venv $(VENV); \
	  $(VENV)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'; \
	  $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable . --group dev; \
	fi
	touch $@

.PHONY: pulumi-cli
pulumi-cli: ## get a Pulumi CLI with the hosts for Python, YAML and Node.js
	$(PYTHON) tools/pulumi_cli.py --languages $(LANGUAGES)

.PHONY: lint
lint: $(STAMP) ## format, lint, types, layers, spelling
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy $(CHECKED)
	$(BIN)/lint-imports
	$(BIN)/codespell

.PHONY: format
format: $(STAMP) ## format, and repair what ruff can repair
	$(BIN)/ruff check --fix-only $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

.PHONY: unit
unit: $(STAMP) ## pure decisions, no sockets
	$(COVERED_PYTEST) tests/unit

.PHONY: property
property: $(STAMP) ## the laws, in drawn situations and in simulated lives of memberships
	$(COVERED_PYTEST) tests/property
# A life takes less than half as long when no line of it is traced, and a law needs many lives.
	$(PYTEST) -n $(WORKERS) tests/simulation

.PHONY: contract
contract: $(STAMP) ## the real SDK and both front ends against the emulator
	$(PYTEST) -n $(WORKERS) tests/contract

.PHONY: e2e
e2e: $(STAMP) ## real stacks on the real engine
	$(WITH_PULUMI) $(PYTEST) -n $(E2E_WORKERS) --dist worksteal tests/e2e

.PHONY: coverage
coverage: $(STAMP) $(PURE_FILES) ## did the last unit and property runs take every branch of the pure files
	$(BIN)/coverage combine --quiet --keep --data-file=$(COVERAGE_DATA) $(COVERAGE_DATA)-unit $(COVERAGE_DATA)-property
	$(BIN)/coverage report --data-file=$(COVERAGE_DATA) --include='$(subst $(space),$(comma),$(PURE_FILES))' --fail-under=100

.PHONY: test
test: $(STAMP) ## lint, all suites, coverage; says how long each took
	@$(PYTHON) tools/steps.py $(STEPS)

.PHONY: test-lowest
test-lowest: $(LOWEST_STAMP) ## the fast suites against the lowest supported versions
	$(LOWEST_VENV)/bin/python -m pytest $(PYTEST_ARGS) -n $(WORKERS) tests/unit tests/property tests/contract

$(LOWEST_STAMP): pyproject.toml constraints-lowest.txt
	rm -rf $(LOWEST_VENV)
	$(LOWEST_PYTHON) -m venv $(LOWEST_VENV)
	$(LOWEST_VENV)/bin/python -m pip install --quiet --upgrade --constraint constraints-lowest.txt 'pip>=25.1'
	$(LOWEST_VENV)/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable . --group test
	touch $@

.PHONY: audit
audit: ## known vulnerabilities in the pinned packages, as PyPI tells them
	[ -x $(AUDIT_VENV)/bin/pip-audit ] || { $(PYTHON) -m venv $(AUDIT_VENV) && \
	  $(AUDIT_VENV)/bin/python -m pip install --quiet 'pip>=25.1' && \
	  $(AUDIT_VENV)/bin/python -m pip install --quiet --group audit; }
	$(AUDIT_VENV)/bin/pip-audit --strict --progress-spinner off --disable-pip --no-deps \
	  $(foreach pins,constraints.txt locks/release.txt,--requirement $(pins))

.PHONY: locks
locks: ## write what a release installs, with hashes, from constraints.txt and PyPI
	[ -x $(LOCK_VENV)/bin/uv ] || { $(PYTHON) -m venv $(LOCK_VENV) && $(LOCK_VENV)/bin/pip install --quiet uv; }
	$(LOCK) --output-file locks/runtime.txt pyproject.toml
	$(LOCK) --output-file locks/release.txt --group release

.PHONY: demo
demo: $(STAMP) ## a stack on an emulated EDAS, from nothing to drift and back
	$(WITH_PULUMI) $(BIN)/python tools/demo.py

.PHONY: pictures
pictures: $(STAMP) ## the picture of a preview and the recording of the demo, in docs/
	$(WITH_PULUMI) $(BIN)/python tools/pictures.py

.PHONY: bench
bench: $(STAMP) ## how long operations take
	$(WITH_PULUMI) $(BIN)/python tools/bench.py

.PHONY: soak
soak: $(STAMP) ## ten thousand simulated lives, a hundred times the examples, every call killed
	HYPOTHESIS_PROFILE=soak $(PYTEST) -n $(WORKERS) -o timeout=0 tests/property tests/simulation
	$(WITH_PULUMI) $(PYTEST) -n $(E2E_WORKERS) --dist worksteal --soak tests/e2e

# What to pass on, to run a part: make mutants MUTANTS='--every 4 edas/parse'
MUTANTS ?=
.PHONY: mutants
mutants: $(STAMP) ## change the deciding files one operator at a time; list what no fast test notices
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group mutants
	mkdir -p build && $(BIN)/python tools/mutants.py $(MUTANTS)

.PHONY: sdks
sdks: ## generate the SDKs of the plugin (Node.js, Python, Go) into build/sdks
	$(PYTHON) -m tools.sdks

.PHONY: docs
docs: $(STAMP) ## the documentation as a site in site/
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --strict

.PHONY: page
page: $(STAMP) docs ## the emulator's page and the site in a headless Chromium (Debian's chromium and chromium-driver)
	$(PYTEST) tests/contract/page/browser.py tests/contract/page/site.py

.PHONY: release
release: ## build and check everything a release needs, but do not upload it
	$(PYTHON) tools/release.py

.PHONY: rehearsal
rehearsal: ## the same from any tree, without an entry in CHANGELOG.md
	$(PYTHON) tools/release.py --rehearse

.PHONY: clean
clean: ## remove what the other targets made here; the Pulumi CLI stays in the user's cache
	rm -rf $(VENV) build dist site mutants .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find pulumi_edas_scale tests tools -name __pycache__ -prune -exec rm -rf {} +
