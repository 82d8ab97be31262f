# README names the targets that people need: run, test, ui. The same commands run in continuous integration.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export DAGSTER_DISABLE_TELEMETRY := yes
export NO_MKDOCS_2_WARNING := 1
# The tests start a hundred processes; each would compile the package anew, and each worker all tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run ui test test-fast test-mssql soak crash-full check docs bench-monday peers figures format build clean
SEEDS ?= 20000
PORT ?= 3000
ifdef SANDBOX_PORT
export MONDAY_API_URL := http://127.0.0.1:$(SANDBOX_PORT)/v2
endif
# With it Dagster finds our dagster.yaml by itself, and leaves no temporary home behind.
ui: export DAGSTER_HOME ?= $(CURDIR)
# For the links of the alerts that its processes send.
ui: export ORDERS_UI_URL ?= http://127.0.0.1:$(PORT)

help:
	@echo "make run    the main job: sample orders through all six assets onto a local board, with a summary"
	@echo "make ui     the Dagster UI and the board page on the same data; PORT=3001 and SANDBOX_PORT=8766 name other ports"
	@echo "make test   all tests, with coverage; make test-fast: those of rules, statements, client, stages and sandbox, for the inner loop"
	@echo "make soak   more seeds of the simulation and of the model, SEEDS=20000, and of all that reads foreign bytes; make crash-full: every pair of boundaries, some hours"
	@echo "make peers  other people's clients against the sandbox"
	@echo "make bench-monday  ours and theirs, timed"
	@echo "make test-mssql   the same contract on the server that ORDERS_TEST_MSSQL_URL names"
	@echo "make check  ruff, mypy --strict, dagster definitions validate, every T-SQL statement parsed, the documents built"
	@echo "make docs   the documents as pages in build/docs, those of reference made from the code"
	@echo "make figures  the size of the code and names used twice, AGAINST=main beside those of another commit"
	@echo "make setup  only install; make build: the wheel; make format; make clean"

$(VENV)/installed: pyproject.toml setup.cfg constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "orders_platform needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) -e '.[dev]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(PIP) -e '.[docs]'
	touch $@

setup: $(VENV)/installed-dev

run: $(VENV)/installed
	$(BIN)/orders-platform demo --fresh

# One process makes Dagster's tables before several open them: on SQLite they would break each other's.
.dagster/storage: | $(VENV)/installed
	@DAGSTER_HOME=$(CURDIR) $(BIN)/dagster instance migrate >/dev/null

# The sandbox's first line is waited for: when its port is taken it ends with its reason, and Dagster is not started on somebody else's boards.
ui: $(VENV)/installed .dagster/storage
	@ready=$$(mktemp -d)/ready; mkfifo $$ready; $(BIN)/orders-platform sandbox serve >$$ready & sandbox=$$!; \
	 trap 'kill $$sandbox 2>/dev/null' EXIT INT TERM; \
	 exec 3<$$ready; rm -r $${ready%/*}; read -r line <&3 || { wait $$sandbox; exit $$?; }; echo "$$line"; \
	 $(BIN)/python -m orders_platform.webserver dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

# The long suites begin first, so that no worker is left with one of them at the end.
LONG := $(addprefix orders_platform_tests/,crash simulation model deploy defs browser)
REST := $(filter-out $(LONG) %/testing %/conftest.py %/__pycache__,$(wildcard orders_platform_tests/*))
test: $(VENV)/installed-dev
	@$(BIN)/python -m orders_platform_tests.browser.install
	$(BIN)/python -m slipcover --json --out coverage.json -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(LONG) $(REST)
	@$(BIN)/python -m slipcover --merge coverage.json --out coverage.json --fail-under 90 > coverage.txt \
	 || { echo "Less than 90 % of the lines are covered: coverage.txt names those that are not."; exit 1; }

# No browser, Postgres, crash matrix, simulation or Dagster run; make check parses the T-SQL. CONTRIBUTING.md says which tests for which change.
FAST := domain reports merge database monday sync sandbox demo test_borders.py test_configuration.py test_repository.py test_settings.py
test-fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q -n 4 -m "not slow" --ignore orders_platform_tests/database/test_tsql.py $(addprefix orders_platform_tests/,$(FAST))

soak: $(VENV)/installed-dev
	$(BIN)/python -m orders_platform_tests.simulation.replay --start 2000 --seeds $(SEEDS)
	$(BIN)/python -m orders_platform_tests.model.protocol --schedules $$((50 * $(SEEDS)))
	$(BIN)/python -m pytest -q -n 4 -m hypothesis --hypothesis-profile=soak orders_platform_tests

crash-full: $(VENV)/installed-dev
	CRASH_FULL=1 $(BIN)/python -m pytest orders_platform_tests/crash/test_crash_matrix.py

test-mssql: $(VENV)/installed-dev
	@test -n "$$ORDERS_TEST_MSSQL_URL" || { echo "Set ORDERS_TEST_MSSQL_URL to a server on which a database may be made; docs/how_to/sql_server.md says how."; exit 2; }
	$(BIN)/python -m orders_platform_tests.testing.own_database -k mssql orders_platform_tests/database orders_platform_tests/merge orders_platform_tests/flow orders_platform_tests/mssql

check: $(VENV)/installed-dev $(VENV)/installed-docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/dagster definitions validate -w workspace.yaml
	$(BIN)/python -m pytest -q orders_platform_tests/database/test_tsql.py
	$(BIN)/mkdocs build --quiet

docs: $(VENV)/installed-docs
	$(BIN)/python -m orders_platform_tests.documents.reference
	$(BIN)/mkdocs build --quiet
	@echo "Open build/docs/index.html."

bench-monday: $(VENV)/installed
	$(BIN)/python benchmarks/monday_sync.py

peers: $(VENV)/installed
	$(BIN)/python benchmarks/peers/roundtrip.py

figures:
	@$(PYTHON) benchmarks/figures.py $(if $(AGAINST),--against $(AGAINST))

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(VENV)/installed-dev
	$(BIN)/python -m build

# Everything that .gitignore names, except for .env: that file is somebody's own.
clean:
	git ls-files --others --ignored --directory --exclude-from=.gitignore --exclude='!.env' -z | xargs -0 rm -rf
