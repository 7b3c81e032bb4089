# On a machine with nothing but Python 3.11 or newer and make, every target works: what it needs goes into .venv first (tools/install.py).
# It is written for GNU Make 3.81 and BSD tools, too, which macOS has (tools/lint_shell.py).

BIN := .venv/bin
# Lint and types at once where make keeps their output apart (since 4.0), else one after the other.
AT_ONCE = $(if $(filter output-sync,$(.FEATURES)),--jobs=2 --output-sync=target)
MINUTES ?= 30
# The first interpreter that is new enough; asked only by targets that need it. Another one: make test PYTHON=python3.14
PYTHON = $(shell for python in python3.11 python3 python3.14 python3.13 python3.12; do \
	$$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Locks need uv alone: one that cannot be installed has to be repaired, too. The uv of .venv is of the locked version.
LOCKS = @uv=$$([ -x $(BIN)/uv ] && echo $(BIN)/uv || command -v uv); \
	[ -n "$$uv" ] || { echo "make: no uv found: python3 -m venv .venv && .venv/bin/pip install uv" >&2; exit 1; }; \
	$$uv run --quiet --no-config --no-project --python '>=3.11' -m tools.lock

# macOS ends a process that was forked and not replaced, as tests of faults do, unless this is set; other systems do not read it.
export OBJC_DISABLE_INITIALIZE_FORK_SAFETY := YES

.PHONY: help demo test test-cloud faults lint types bench intervals lives format lock check-locks wheels image image-steps clean local dev
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: local  ## run the two jobs on local emulators: seven days of real flights, five days of a tiny shop
	$(BIN)/pipeline local up
	$(BIN)/pipeline sources load flight_delay
	$(BIN)/pipeline backfill flight_delay --from 2013-07-01 --to 2013-07-07
	$(BIN)/pipeline evaluate flight_delay --as-of 2013-07-09
	$(BIN)/pipeline report flight_delay --from 2013-07-01 --to 2013-07-07
	$(BIN)/pipeline fixtures item_recommend --out .local/shop
	$(BIN)/pipeline sources load item_recommend --from .local/shop
	$(BIN)/pipeline backfill item_recommend --from 2026-02-01 --to 2026-02-05
	$(BIN)/pipeline evaluate item_recommend --as-of 2026-02-13
	$(BIN)/pipeline report item_recommend --from 2026-02-01 --to 2026-02-05
	$(BIN)/pipeline dashboard flight_delay --out .local/dashboard.html

# Three workers on two cores: each waits for its emulators a tenth of the time. All cases have deadlines that a busy machine does not keep.
# Files in their order: by number of tests the matrix, which is one test and the longest, would come last, on one worker.
test: dev  ## check format, lint, types and imports, then run the tests; ALL=1: long ones and every case of each matrix, with coverage
	@$(MAKE) --no-print-directory $(AT_ONCE) lint types
	@echo "== tests: $(if $(ALL),every case,a part of each matrix and no long ones; make test ALL=1 takes every case)"
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -n $(or $(WORKERS),$(if $(ALL),2,3)) --dist loadfile --no-loadscope-reorder $(if $(ALL),--every-case --cov --cov-report=term)

# A skip is no failure: whoever has no project goes on, and the line says that nothing was proven.
test-cloud: $(if $(TARGET),dev)  ## run the tests that assume no emulator in a project of Google Cloud; TARGET=file.yaml names it
	@$(if $(TARGET),$(BIN)/python -m pytest --cloud-target=$(TARGET) tests,echo "tests in the cloud: skipped, no project given - make test-cloud TARGET=file.yaml")

faults: dev  ## kill the process at every call, run it again, compare: the table of docs/reliability.md; MINUTES=30
	@$(BIN)/python -m tests.faults.matrix --minutes $(MINUTES)
	@echo "== without each guard in turn, its test fails"
	@$(BIN)/python -m pytest tests/faults/test_guards.py --all-guards -q -n $(or $(WORKERS),2)

lint: dev  ## check format, lint, row loops, clients, addresses and the direction of imports
	@echo "== format"
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@echo "== lint"
	@$(BIN)/ruff check --quiet .
	@echo "== SQL: format, then what Google's analyzer says"
	@$(BIN)/sqlfluff lint --disable-progress-bar sql udf
	@$(BIN)/pipeline sql check
	@echo "== no SQL in Python"
	@$(BIN)/python -m tools.lint_sql
	@echo "== no loops over rows"
	@$(BIN)/python -m tools.lint_row_loops
	@echo "== Google clients only where they belong"
	@$(BIN)/python -m tools.lint_clients
	@echo "== no index addresses, no paths of one machine"
	@$(BIN)/python -m tools.lint_no_hosts
	@echo "== direction of imports"
	@$(BIN)/lint-imports --no-logo
	@echo "== Makefile and shell scripts: ShellCheck, and what macOS does not know"
	@$(BIN)/python -m tools.lint_shell
	@echo "== Dockerfile"
	@$(BIN)/python -m tools.programs hadolint Dockerfile
	@echo "== workflow of GitHub"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/ci.yml

types: dev  ## check types (mypy, strict)
	@echo "== types"
	@$(BIN)/mypy

bench: dev  ## measure speed against the same work written by hand
	$(BIN)/python -m benchmarks

intervals: dev  ## how often intervals hold the truth, and beside a bootstrap: the tables of docs/metrics.md
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.coverage_families

lives: dev  ## whole lives of challengers, judged by the gate's SQL: the table of docs/gate.md
	$(BIN)/python -m benchmarks.gate_lives

format: dev  ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## pin all packages with hashes again, for every machine; LOCK_FLAGS=--upgrade takes newer ones
	$(LOCKS) lock $(LOCK_FLAGS)

check-locks:  ## compare the hashes of requirements/ with those that the package index has
	$(LOCKS) check

wheels:  ## resolve requirements/ for each Python and platform with wheels only, and name what has none
	$(LOCKS) wheels

image: dev  ## build the image of this project with docker, labelled with commit and code digest; IMAGE=us-docker.pkg.dev/...
	@[ -n "$(IMAGE)" ] || { echo "image: name it: make image IMAGE=HOST/PROJECT/REPOSITORY/NAME"; exit 2; }
	docker build --tag $(IMAGE) --build-arg COMMIT=$$($(BIN)/python -m tools.commit) --build-arg CODE_DIGEST=$$($(BIN)/python -m tools.code_digest) .

image-steps: dev  ## carry out the steps of Dockerfile without a container, in an empty environment, and try what they leave
	@$(BIN)/python -m tools.image_steps

clean:  ## stop the emulators and remove everything that is not in git: environment, local state, caches
	-@[ ! -x $(BIN)/pipeline ] || [ ! -d .local ] || $(BIN)/pipeline local down
	rm -rf .venv .local build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

local dev:
	@python=$(PYTHON); [ -n "$$python" ] || { echo "make: no Python 3.11 or newer found: install python3 (with venv)" >&2; exit 1; }; \
	$$python tools/install.py $@
