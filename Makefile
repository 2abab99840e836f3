# Every target sets itself up: nothing but Python 3.11+, make and git is needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.PHONY: help setup demo test crash bench bench-quick bench-safety bench-lists bench-backfill format clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## make .venv with the pinned versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("extractor needs Python 3.11 or newer; try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	@touch $(STAMP)

demo: $(STAMP)  ## the main job against the embedded simulator, over real HTTP
	@$(BIN)/extractor demo

test: $(STAMP)  ## everything a change must pass: format, lint, types, layers, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@PYTHONASYNCIODEBUG=1 $(BIN)/python -m pytest -n auto --cov --cov-report=

crash: $(STAMP)  ## the evidence: 1,000 kills, power loss, failing disks, planted bugs; writes docs/reliability.md
	@$(BIN)/python -m tests.crash

# Other tools to compare with, each in an environment of its own. One that cannot be installed is named in the document.
BENCH  := .bench
PEERS  := $(patsubst benchmarks/peers/%.txt,$(BENCH)/%/.ready,$(wildcard benchmarks/peers/*.txt))

$(BENCH)/%/.ready: benchmarks/peers/%.txt
	-@mkdir -p $(BENCH) && $(PYTHON) -m venv $(BENCH)/$* && \
	  $(BENCH)/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< 2> $(BENCH)/$*.log && touch $@

bench: $(STAMP) $(PEERS)  ## loops, extractor and other tools on the same pages; writes docs/benchmarks.md and .svg
	@$(BIN)/python -m benchmarks

bench-quick: $(STAMP)  ## the bare loops and the extractor, rate, latency, scheduling: under three minutes
	@$(BIN)/python -m benchmarks --quick

bench-safety: $(STAMP)  ## what fsync costs, and how soon a large run is taken up; writes docs/reliability.md
	@$(BIN)/python benchmarks/safety.py

bench-lists: $(STAMP)  ## 400,000 addresses of a gzip CSV against the simulator: time, memory, and all of it right
	@$(BIN)/python benchmarks/match_list.py

bench-backfill: $(STAMP)  ## a year by day, both strategies, killed twice: the same bytes? what does each cost?
	@$(BIN)/python -m benchmarks.backfill

format: $(STAMP)  ## let ruff put the code in form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## drop what the other targets made
	rm -rf $(VENV) $(BENCH) exports .extractor demo-* .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
