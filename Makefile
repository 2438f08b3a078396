# Every target sets up what it needs (scripts/setup.sh): a Python 3.11 to 3.13 and make are enough.

ifeq ($(shell uname -s),Darwin)
user_cache := $(HOME)/Library/Caches
else
user_cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
endif
# What is fetched once and kept for every clone: uv and its packages, the jars of Neo4j, the embedding models.
export KNOWTHREAD_CACHE_DIR := $(or $(KNOWTHREAD_CACHE_DIR),$(user_cache)/knowthread)
export PYTHON KEEP

python := .venv/bin/python

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

.PHONY: setup
setup: ## make .venv; the other targets do it by themselves
	@sh scripts/setup.sh

.PHONY: demo
demo: setup ## two sessions with one memory, on a real Neo4j; KEEP=1 leaves it running
	@$(python) examples/demo.py

.PHONY: test
test: setup ## every test, with coverage; ARGS="-k timeline" picks some, without
	@$(python) scripts/fetch.py
	$(python) -m pytest -v -rs --durations=15 $(or $(ARGS),--cov --cov-report=term:skip-covered)

.PHONY: check
check: setup ## format, lint and types
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	sh scripts/types.sh

.PHONY: hooks
hooks: setup ## have git run make check before each commit in this clone
	@$(python) -m pre_commit install

.PHONY: graph
graph: setup ## draw the import graph of docs/architecture.md again, after a change of imports
	@$(python) scripts/import_graph.py

.PHONY: manifest
manifest: setup ## rewrite what the shim answers by itself, after a change of the tools
	$(python) -m mcp_server.tools.manifest

.PHONY: clean
clean: ## remove what the targets made in this clone; fetched files stay in the cache folder
	rm -rf .venv dist htmlcov .coverage* .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
