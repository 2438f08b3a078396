# Each target sets up what it needs (scripts/setup.sh). You need make and a Python 3.11 to 3.13.

ifeq ($(shell uname -s),Darwin)
user_cache := $(HOME)/Library/Caches
else
user_cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
endif
# Fetched once, for all clones: uv and its packages, the jars of Neo4j, the embedding models.
export KNOWTHREAD_CACHE_DIR := $(or $(KNOWTHREAD_CACHE_DIR),$(user_cache)/knowthread)
export PYTHON KEEP

python := .venv/bin/python

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

.PHONY: setup
setup: ## make .venv; the other targets do so too
	@sh scripts/setup.sh

.PHONY: demo
demo: setup ## two sessions with one memory, on a real Neo4j; KEEP=1 leaves it running
	@$(python) examples/demo.py

in_workers := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: setup ## every test but the long forms, in four workers; ARGS="-k timeline" picks some, in one
	@$(python) scripts/fetch.py
	$(python) -m pytest -rs --durations=15 $(or $(ARGS),$(in_workers))

.PHONY: soak
soak: setup ## the long forms: hundreds of texts through kills and failures
	@$(python) scripts/fetch.py
	$(python) -m pytest -rs -m soak $(ARGS)

.PHONY: faults
faults: setup ## every fault of every provider, kills, cut commits and damage by hand, on the real stores
	@$(python) scripts/fetch.py
	$(python) -m pytest -rs -m faults $(ARGS)

.PHONY: browser
browser: setup ## what needs a real Chromium: the pages without a network, Neo4j Browser with its guide
	@$(python) scripts/fetch.py
	$(python) -m pytest -rs -m browser tests/mcp/browser $(ARGS)

.PHONY: pictures
pictures: setup ## take docs/pictures again, in a headless Chromium, from the demo's graph
	@$(python) scripts/fetch.py
	@PYTHONPATH=. $(python) scripts/pictures.py

.PHONY: coverage
coverage: setup ## the tests with the lines counted that they reach, in the processes they start too
	@$(python) scripts/fetch.py
	sh scripts/coverage.sh $(or $(ARGS),$(in_workers))

.PHONY: check
check: setup ## format, lint and types
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	sh scripts/types.sh

.PHONY: bench
bench: setup ## every table and plot of docs/measured.md, which takes hours; ARGS="--only peers --set FOLDER"
	@$(python) scripts/fetch.py
	@$(python) bench/all.py $(ARGS)

.PHONY: bench-recall
bench-recall: setup ## how often a search finds the right memory; ARGS="--ablate --set FOLDER"
	@$(python) scripts/fetch.py
	@$(python) bench/recall.py $(ARGS)

.PHONY: bench-model-memory
bench-model-memory: setup ## what both models take of memory, in a process of their own
	@$(python) scripts/fetch.py
	@$(python) bench/model_memory.py

.PHONY: bench-answer
bench-answer: setup ## whether a search knows that nothing stored fits; ARGS="--choose --wrong"
	@$(python) scripts/fetch.py
	@$(python) bench/answer.py $(ARGS)

.PHONY: bench-settle
bench-settle: setup ## how often what a new fact replaces is offered, and what that costs; ARGS="--sizes 50 --misses"
	@$(python) scripts/fetch.py
	@$(python) bench/settle.py $(ARGS)

.PHONY: bench-kinds
bench-kinds: setup ## how often the kind that a name is given is right; ARGS="--wrong"
	@$(python) bench/kinds.py $(ARGS)

.PHONY: bench-names
bench-names: setup ## how often two things stay two, and one becomes one; ARGS="--wrong"
	@$(python) bench/names.py $(ARGS)

.PHONY: bench-scale
bench-scale: setup ## how cost grows with the number of memories; ARGS="--sizes 1000,100000 --users 50"
	@$(python) scripts/fetch.py
	@$(python) bench/scale.py $(ARGS)

.PHONY: bench-peers
bench-peers: setup ## the product beside what one would use instead; ARGS="--set FOLDER --peers knowthread,mem0"
	@$(python) scripts/fetch.py
	@$(python) bench/peers/compare.py $(ARGS)

.PHONY: bench-footprint
bench-footprint: setup ## memory, disk and processor time at rest, as a user's service takes them; ARGS="--sizes 0,10000"
	@$(python) scripts/fetch.py
	@$(python) bench/footprint.py $(ARGS)

.PHONY: bench-bulk
bench-bulk: setup ## how fast a long conversation is taken in, beside the embedder alone; ARGS="--messages 2000"
	@$(python) scripts/fetch.py
	@$(python) bench/bulk.py $(ARGS)

.PHONY: bench-before
bench-before: setup ## this tree beside an earlier commit, through its MCP server; ARGS="--commit 561c6e4 --list 10"
	@$(python) scripts/fetch.py
	@$(python) bench/before.py $(ARGS)

.PHONY: hooks
hooks: setup ## have git run make check before each commit in this clone
	@$(python) -m pre_commit install

.PHONY: graph
graph: setup ## draw the import graph of docs/architecture.md again, after a change of imports
	@$(python) scripts/import_graph.py

.PHONY: reports
reports: setup ## write docs/reports.md again, after a change of a report
	@PYTHONPATH=. $(python) scripts/report_page.py

.PHONY: manifest
manifest: setup ## record the tools again for the shim, after a change of them
	$(python) -m mcp_server.tools.manifest

.PHONY: clean
clean: ## remove what the targets made in this clone; the cache folder stays
	rm -rf .venv dist htmlcov .coverage* .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
