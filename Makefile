# The ways in. `make setup` needs Python 3.11 to 3.13 and nothing else: no Java, no Kafka, no Docker; uv is used when it is there.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# How many processes share the tests; 0 is one that shares with nobody, as a machine that does other work besides needs it.
PROCESSES ?= 2
SOURCES = $(wildcard topics detectors streams tests benchmarks)

.PHONY: help setup demo kernels test check docs bench bench-peers clean
.DEFAULT_GOAL := help

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

setup: $(READY) ## make the environment .venv and fetch Kafka; quick when nothing has changed

$(READY): pyproject.toml constraints.txt
	deploy/setup.sh $(VENV)
	touch $@

demo: setup ## Kafka, a worker, this machine's telemetry, a small shop under load, and the page
	$(BIN)/luminar demo

kernels: setup ## compile what is compiled; quick when nothing has changed
	$(BIN)/luminar worker --compile

test: kernels ## all tests, those on a real Kafka included; two processes share them, PROCESSES=0 is one
	$(BIN)/python -m pytest -n $(PROCESSES)

check: setup ## formatting, lint, types, import arrows, examples in docstrings, layout and documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules topics detectors streams tests/fakes.py tests/generated.py tests/test_layout.py

docs: setup ## what the documentation says of the code, written anew from the code
	$(BIN)/python -m tests.generated

bench: setup ## every benchmark, one flat object a line
	$(BIN)/python -m benchmarks all --json

bench-peers: setup ## the same jobs by Kafka Streams, Quix Streams, Bytewax, stock Faust and bare loops, each in its own environment
	$(BIN)/python -m benchmarks.peers --json

clean: ## forget the environment and every cache of this folder
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
