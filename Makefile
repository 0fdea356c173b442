# Two commands matter: `make figures` and `make test`. Each makes .venv with pinned packages if it is missing or
# older than its lock, then does its job. Nothing is needed but make and Python >= 3.11 (PYTHON=... picks another).

PYTHON ?= python3
LEVEL ?= quick
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# A test process takes up to 1 GB; beyond eight, the longest test file is what is waited for.
TEST_PROCESSES ?= $(shell n=$(WORKERS); if [ "$$n" -gt 8 ] 2>/dev/null; then n=8; fi; echo "$$n")
# `make lock UPGRADE=` keeps the versions that still fit.
UPGRADE ?= --upgrade
IDS ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# A stamp is written after its install has finished: no stamp, or one older than its lock, means install again.
# BASE holds the place of the checkout and is away while an install runs, so that an install that was killed, a
# checkout that was moved or copied, and a Python that is gone all lead to a new environment.
BASE := $(VENV)/.base-ready
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
define install
	@echo "installing the packages of $(1) into $(VENV)"
	@rm -f $(BASE)
	@$(PIP) install --require-hashes --only-binary :all: -r $(1) || { echo "$(CURDIR)" >$(BASE); exit 1; }
	@$(PIP) install --no-deps --no-build-isolation -e .
	@echo "$(CURDIR)" >$(BASE)
endef
PYTEST := $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header

.PHONY: help figures site test test-full check lint bench reliability coverage lock warmup clean distclean
# One environment, one installer at a time: -j changes nothing.
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@echo "make figures    regenerate every figure into build/figures"
	@echo "make site       the static site, into build/site (IDS='paper ...' for some papers only)"
	@echo "make test       the default tests"
	@echo "make test-full  every test, the long ones included"
	@echo "make check      judge the papers' claims (LEVEL=quick or full, IDS='paper/C7 ...')"
	@echo "make lint       ruff and pyright"
	@echo "make bench      each kernel beside what one would otherwise write"
	@echo "make reliability   what crashes, full disks, load and bad input do to runs (minutes)"
	@echo "make coverage   lines covered by the default tests"
	@echo "make warmup     compile the kernels once"
	@echo "make lock       resolve both lock files anew, for all platforms"
	@echo "make clean      remove what was generated, but not the ledger"
	@echo "make distclean  remove the ledger and .venv too"

figures: $(RUN_READY)
	$(BIN)/lemmata figures $(IDS) $(ARGS)

site: $(DEV_READY)
	$(BIN)/lemmata site $(IDS) $(ARGS)

test: $(DEV_READY)
	$(PYTEST) $(ARGS)

test-full: $(DEV_READY)
	$(PYTEST) -m "" $(ARGS)

check: $(RUN_READY)
	$(BIN)/lemmata check --level $(LEVEL) $(IDS) $(ARGS)

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(RUN_READY)
	$(BIN)/lemmata bench $(ARGS)

reliability: $(DEV_READY)
	nice $(BIN)/python -m tests.reliability $(ARGS)

# Lines of kernels count when they are compiled, so compiled code of earlier runs is put away first.
coverage: $(DEV_READY)
	rm -rf build/kernels
	$(BIN)/coverage erase
	NUMBA_JIT_COVERAGE=1 $(BIN)/coverage run -m pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)
	$(BIN)/coverage combine
	$(BIN)/coverage report

warmup: $(RUN_READY)
	$(BIN)/lemmata warmup $(ARGS)

lock: $(DEV_READY)
	$(COMPILE) pyproject.toml --group pyproject.toml:build $(UPGRADE) --output-file requirements.lock
	$(COMPILE) pyproject.toml --group pyproject.toml:build --all-extras $(UPGRADE) \
		--constraint requirements.lock --output-file requirements-dev.lock

clean:
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name 'ledger.sqlite*' -exec rm -rf {} +; fi
	rm -rf .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* htmlcov
	find . -path ./$(VENV) -prune -o -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf build $(VENV)

ifneq ($(shell $(BIN)/python -c "" 2>/dev/null && cat $(BASE) 2>/dev/null),$(CURDIR))
.PHONY: $(BASE)
endif

$(BASE):
	@command -v $(firstword $(PYTHON)) >/dev/null || { echo "Lemmata needs Python 3.11 or newer: no '$(PYTHON)' here" \
		"(make PYTHON=... picks another)" >&2; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "Lemmata needs Python 3.11 or newer:" \
		"'$(PYTHON)' is `$(PYTHON) --version 2>&1 | head -n 1` (make PYTHON=... picks another)" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "$(CURDIR)" >$@

$(RUN_READY): $(BASE) requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $(BASE) $@

# The second lock is resolved under the first and holds all of it: one install serves both.
$(DEV_READY): $(BASE) requirements-dev.lock requirements.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $(BASE) $(RUN_READY) $@
