# Every target works on a machine with only Python 3.11 or newer and make: it first installs packages into .venv (tools/install.py).
# This file also works with GNU Make 3.81 and BSD tools, which macOS has (tools/lint_shell.py).

BIN := .venv/bin
# Lint and types, for example, run at once if make keeps their output apart (since 4.0), otherwise one after the other.
AT_ONCE = $(if $(filter output-sync,$(.FEATURES)),--jobs=2 --output-sync=target)
MINUTES ?= 30
# The first interpreter that is new enough; only targets that need it look for it. Another one: make test PYTHON=python3.14
PYTHON = $(shell for python in python3.11 python3 python3.14 python3.13 python3.12; do \
	$$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Locks need only uv, because a lock that cannot be installed must be repaired, too. The uv of .venv has the locked version.
LOCKS = @uv=$$([ -x $(BIN)/uv ] && echo $(BIN)/uv || command -v uv); \
	[ -n "$$uv" ] || { echo "make: no uv found: python3 -m venv .venv && .venv/bin/pip install uv" >&2; exit 1; }; \
	$$uv run --quiet --no-config --no-project --python '>=3.11' -m tools.lock

# Without it, macOS ends forked processes, which the tests of faults use; other systems ignore it.
export OBJC_DISABLE_INITIALIZE_FORK_SAFETY := YES

.PHONY: help demo test test-cloud faults lint types bench intervals lives format lock check-locks wheels packages image image-steps clean local dev
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

# The first day alone, to show its numbers as soon as possible. Its labels are complete two days later, as in the backfill.
demo: local  ## run the two jobs on local emulators: seven days of real flights, five days of a tiny shop
	$(BIN)/pipeline local up
	$(BIN)/pipeline sources load flight_delay
	$(BIN)/pipeline run flight_delay --run-date 2013-07-01
	$(BIN)/pipeline evaluate flight_delay --as-of 2013-07-03
	$(BIN)/pipeline report flight_delay --from 2013-07-01 --to 2013-07-01
	$(BIN)/pipeline backfill flight_delay --from 2013-07-01 --to 2013-07-07
	$(BIN)/pipeline evaluate flight_delay --as-of 2013-07-09
	$(BIN)/pipeline report flight_delay --from 2013-07-01 --to 2013-07-07
	$(BIN)/pipeline fixtures item_recommend --out .local/shop
	$(BIN)/pipeline sources load item_recommend --from .local/shop
	$(BIN)/pipeline backfill item_recommend --from 2026-02-01 --to 2026-02-05
	$(BIN)/pipeline evaluate item_recommend --as-of 2026-02-13
	$(BIN)/pipeline report item_recommend --from 2026-02-01 --to 2026-02-05
	$(BIN)/pipeline dashboard flight_delay --out .local/dashboard.html

# Three workers on two cores, because each waits for its emulators a tenth of the time. All cases have deadlines that a busy machine misses.
# Files run in their order: sorted by number of tests, the matrix (one test, the longest) would run last, on one worker.
test: dev  ## check format, lint, types and imports, then run the tests; ALL=1: also long tests and every case of each matrix, with coverage
	@$(MAKE) --no-print-directory $(AT_ONCE) lint types
	@echo "== tests: $(if $(ALL),every case,a part of each matrix and no long tests; make test ALL=1 runs every case)"
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -n $(or $(WORKERS),$(if $(ALL),2,3)) --dist loadfile --no-loadscope-reorder $(if $(ALL),--every-case --cov --cov-report=term)

# A skip is not a failure: the line says that nothing was tested.
test-cloud: $(if $(TARGET),dev)  ## run the tests that need no emulator in a project of Google Cloud; TARGET=file.yaml names it
	@$(if $(TARGET),$(BIN)/python -m pytest --cloud-target=$(TARGET) tests,echo "tests in the cloud: skipped, no project given; name it: make test-cloud TARGET=file.yaml")

faults: dev  ## kill the process at every call, run it again, compare: the table of docs/reliability.md; MINUTES=30
	@$(BIN)/python -m tests.faults.matrix --minutes $(MINUTES)
	@echo "== without each guard in turn, its test must fail"
	@$(BIN)/python -m pytest tests/faults/test_guards.py --all-guards -q -n $(or $(WORKERS),2)

lint: dev  ## check format, lint, SQL, row loops, docstrings, clients, addresses and the direction of imports
	@echo "== format"
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@echo "== lint"
	@$(BIN)/ruff check --quiet .
	@echo "== SQL: format, then Google's analyzer"
	@$(BIN)/sqlfluff lint --disable-progress-bar sql udf
	@$(BIN)/pipeline sql check
	@echo "== no SQL in Python"
	@$(BIN)/python -m tools.lint_sql
	@echo "== no loops over rows"
	@$(BIN)/python -m tools.lint_row_loops
	@echo "== shapes and errors in docstrings"
	@$(BIN)/python -m tools.lint_docstrings
	@echo "== Google clients only in the packages that own them"
	@$(BIN)/python -m tools.lint_clients
	@echo "== no index addresses, no paths of one machine"
	@$(BIN)/python -m tools.lint_no_hosts
	@echo "== direction of imports"
	@$(BIN)/lint-imports --no-logo
	@echo "== Makefile and shell scripts: ShellCheck, and features that macOS lacks"
	@$(BIN)/python -m tools.lint_shell
	@echo "== Dockerfile"
	@$(BIN)/python -m tools.programs hadolint Dockerfile
	@echo "== workflow of GitHub"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/ci.yml

types: dev  ## check types (mypy, strict)
	@echo "== types"
	@$(BIN)/mypy

bench: dev  ## measure speed beside the same work by hand: one table with the goals; some 15 minutes
	$(BIN)/python -m benchmarks

intervals: dev  ## coverage of intervals, and a comparison with a bootstrap: the tables of docs/metrics.md
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.coverage_families

lives: dev  ## simulated challengers, judged by the gate's SQL: the table of docs/gate.md
	$(BIN)/python -m benchmarks.gate_lives

format: dev  ## format the code and apply ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## pin all packages with hashes again, for every machine; LOCK_FLAGS=--upgrade takes newer versions
	$(LOCKS) lock $(LOCK_FLAGS)

check-locks:  ## compare the hashes of requirements/ with those of the package index
	$(LOCKS) check

wheels:  ## resolve requirements/ for each Python and platform with wheels only, and name packages without one
	$(LOCKS) wheels

# They wait for the index most of the time, so they run at once.
packages: dev  ## check-locks, wheels and image-steps
	@$(MAKE) --no-print-directory $(AT_ONCE) check-locks wheels image-steps

image: dev  ## build the image of this project with docker, labelled with commit and code digest; IMAGE=us-docker.pkg.dev/...
	@[ -n "$(IMAGE)" ] || { echo "image: name the image: make image IMAGE=HOST/PROJECT/REPOSITORY/NAME"; exit 2; }
	docker build --tag $(IMAGE) --build-arg COMMIT=$$($(BIN)/python -m tools.commit) --build-arg CODE_DIGEST=$$($(BIN)/python -m tools.code_digest) .

image-steps: dev  ## run the steps of Dockerfile without a container, in an empty environment, and check the result
	@$(BIN)/python -m tools.image_steps

clean:  ## stop the emulators and remove the environment, local state and caches
	-@[ ! -x $(BIN)/pipeline ] || [ ! -d .local ] || $(BIN)/pipeline local down
	rm -rf .venv .local build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

local dev:
	@python=$(PYTHON); [ -n "$$python" ] || { echo "make: no Python 3.11 or newer found: install python3 (with venv)" >&2; exit 1; }; \
	$$python tools/install.py $@
