# Two commands set everything up: `make demo` and `make test`. Each is quick the second time (stamp files).
# torch is installed first and alone, pinned, so that nothing that follows can pick another build of it.
# Another source for torch (a CUDA build, say): make demo TORCH_PIP_ARGS="--index-url …"

PYTHON ?= python3
VENV ?= .venv
TORCH_PIP_ARGS ?=
# Tests run on all cores; make test TEST_ARGS=-x for one after the other.
TEST_ARGS ?= -n auto --dist worksteal

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
TORCH := $(shell sed -n 's/^torch==.*/&/p' constraints.txt)
BUILD := $(shell sed -n 's/^setuptools==.*/&/p' constraints.txt)

.PHONY: demo screenshots test hostile fuzz chaos soak axe messages check fmt bench doctor clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed
	$(BIN)/grader demo

# The pictures in README, from what the demo has graded. Needs a Chromium.
screenshots: demo $(VENV)/.installed-dev
	$(BIN)/python docs/screenshots/take.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q $(TEST_ARGS)

# Every hostile and broken submission that we know of, on both fenced tiers; `make test` runs a part of them.
# Some of it: make hostile HOSTILE="forging secrets/walks_the_stack"
hostile: $(VENV)/.installed-dev
	$(BIN)/python -m tests.hostile $(HOSTILE)

# A million damaged answers for the host to read, guided by coverage where atheris is installed (pip install atheris).
fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.hostile.fuzz $(FUZZ)

# Kills at drawn moments of judging, small disks, class runs that are broken off: never a wrong score, nothing left.
chaos: $(VENV)/.installed-dev
	$(BIN)/python -m tests.hostile.chaos $(CHAOS)

# Ten thousand sandboxes on each tier, and whether memory, descriptors, mounts or anything else grows.
soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.hostile.soak $(SOAK)

# Once, where there are node and a Chromium: the accessibility scan of the reports is then part of `make test`.
axe:
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund

# After a change of grader/messages: takes new sentences into the template and each catalogue, and compiles what is
# translated. What lacks a translation, or is marked fuzzy, is written into the .po by hand; then once more.
CATALOGUES := grader/translations
messages: $(VENV)/.installed-dev
	$(BIN)/pybabel -q extract -F pyproject.toml --project=nn-grader --version=1 --no-wrap --add-location=file \
	  --header-comment="# Made by make messages: what students read, in English." -o $(CATALOGUES)/grader.pot grader
	sed -i.bak -e '/^"POT-Creation-Date/d' -e '/^"PO-Revision/d' -e '/ADDRESS/d' -e '/^"Language-Team/d' \
	  $(CATALOGUES)/grader.pot && rm $(CATALOGUES)/grader.pot.bak
	$(BIN)/pybabel -q update -D grader -d $(CATALOGUES) -i $(CATALOGUES)/grader.pot \
	  --no-wrap --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel compile -D grader -d $(CATALOGUES) --statistics

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every benchmark; results go to benchmarks/results, tables into README.md and docs/comparison.md. The last one compares with
# other graders: pip fetches them into build/peers, and it takes half an hour. More of it: make bench PEERS="--budget-s 7200"
bench: $(VENV)/.installed
	for name in boundary overhead verify report watch; do $(BIN)/python -m benchmarks.keep $$name || exit 1; done
	$(BIN)/python -m benchmarks.peers $(PEERS)

doctor: $(VENV)/.installed
	$(BIN)/grader doctor

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.torch: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "nn-grader needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt $(TORCH_PIP_ARGS) $(TORCH)
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(PIP) install --quiet -c constraints.txt $(BUILD)
	$(PIP) install --quiet -c constraints.txt --no-build-isolation -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	touch $@
