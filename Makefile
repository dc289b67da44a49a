# Everything a newcomer needs. `make demo` shows the bot at work; `make help` lists the rest.
# PYTHON=/path/to/python picks another interpreter (3.11 or newer), VENV=/path another place for the environment.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14,$(shell \
	command -v $(name) >/dev/null 2>&1 && \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
WORKERS ?= 2
DEMO := samples/demo.toml
PEERS := .peers

.PHONY: help setup demo test e2e peers smoke-train run lint bench bench-memory clean

help:
	@echo 'make demo    the bot in test mode over samples/inbox: real media judged, replies simulated'
	@echo 'make test    all tests that need no outside server'
	@echo 'make e2e     end-to-end tests of the real commands and against real peers'
	@echo 'make peers   the servers that make e2e tests against, into .peers (needs npm; half a gigabyte)'
	@echo 'make smoke-train  some steps of training of every large network, minutes each'
	@echo 'make run     the service, with health and console on loopback'
	@echo 'make lint    ruff and mypy'
	@echo 'make bench   speed of each stage and of the whole'
	@echo 'make bench-memory   memory of the engine over 1,000 media'
	@echo 'make setup   only the environment, in $(VENV)'
	@echo 'make clean   remove the environment, caches and the demo'"'"'s data'

setup: $(STAMP)

# Remade when what is to be installed changes; the code itself is installed as it stands (editable).
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python' >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'make: $(PYTHON) is not Python 3.11 or newer; name another: make PYTHON=/path/to/python' >&2; exit 2; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo 'make: $(PYTHON) has no venv module; install it (Debian: apt-get install python3-venv)' >&2; exit 2; }
	@echo 'Setting up in $(VENV): some minutes and gigabytes the first time.'
	"$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch "$@"

demo: $(STAMP)
	"$(BIN)/veritag" --config $(DEMO) run --test-mode --until-idle

test: $(STAMP)
	"$(BIN)/python" -m pytest -n $(WORKERS) -m 'not e2e and not training'

# What cannot be had here (no npm, no PostgreSQL, no browser) is skipped by name; the rest runs.
e2e: $(STAMP)
	@if ! command -v npm >/dev/null 2>&1; then echo 'make: there is no npm, so tests against real peers are skipped' >&2; \
	elif ! $(MAKE) --no-print-directory peers; then echo 'make: the peers cannot be installed, so tests against them are skipped' >&2; fi
	"$(BIN)/python" -m pytest -m e2e

# Bluesky's own servers need PostgreSQL and Redis besides; later versions than this one need Node 22.
peers: $(PEERS)/prism/node_modules $(PEERS)/bsky/node_modules

$(PEERS)/prism/node_modules:
	npm install --no-audit --no-fund --prefix "$(@D)" @stoplight/prism-cli@5.14.2

$(PEERS)/bsky/node_modules:
	npm install --no-audit --no-fund --prefix "$(@D)" @atproto/dev-env@0.3.215

smoke-train: $(STAMP)
	"$(BIN)/python" -m pytest -m training

run: $(STAMP)
	"$(BIN)/veritag" run

lint: $(STAMP)
	"$(BIN)/python" -m ruff check .
	"$(BIN)/python" -m ruff format --check .
	"$(BIN)/python" -m mypy

bench: $(STAMP)
	"$(BIN)/python" -m benchmarks

bench-memory: $(STAMP)
	"$(BIN)/python" -m benchmarks.queue --detector tiny_ladeda --memory 1000

clean:
	rm -rf "$(VENV)" .veritag/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
