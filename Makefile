# Every target sets up what it needs in .venv from a bare python3.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: run test check systemd drills soak-drills bench soak soak-supervision soak-kills soak-crashes soak-cycles soak-desks \
	soak-simulation soak-faults clean
.DELETE_ON_ERROR:

run: $(STAMP)  ## twenty hedged cycles on the paper venues, losing two connections on the way
	$(BIN)/ketch run --cycles 20 --drop grvt/trading@7 --drop backpack/feed@13

test: check systemd $(STAMP)  ## everything that CI runs
	$(BIN)/pytest -n 5 --dist worksteal  # many tests wait for the venues' timers

systemd:  ## systemd-analyze, which checks the units in tests; only root (as in CI) gets it installed
	@if command -v systemd-analyze >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd; \
	else echo "systemd-analyze is not installed: the unit files are not checked"; fi

check: $(STAMP)  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: soak-supervision soak-kills soak-crashes soak-cycles soak-desks soak-faults soak-drills  ## all of these and a million simulated runs: takes a night
	$(MAKE) soak-simulation SEEDS=1000000

soak-supervision: $(STAMP)  ## the invariants of supervision over 200,000 random runs
	KETCH_INVARIANT_RUNS=200000 $(BIN)/pytest -n 2 tests/unit/supervision/test_invariants.py

soak-kills: $(STAMP)  ## random actors killed 1,000 times during at least 200 paper cycles
	KETCH_SOAK_KILLS=1000 KETCH_SOAK_CYCLES=200 $(BIN)/pytest -n 0 tests/soak/test_kills.py

soak-crashes: $(STAMP)  ## the process killed 500 times during at least 200 paper cycles
	KETCH_SOAK_CRASHES=500 KETCH_SOAK_CYCLES=200 $(BIN)/pytest -n 0 tests/soak/test_crashes.py

soak-cycles: $(STAMP)  ## 1,000 undisturbed cycles of every kind, accounted for to the last digit
	KETCH_SOAK_CYCLES=1000 $(BIN)/pytest -n 0 tests/soak/test_cycles.py

soak-desks: $(STAMP)  ## three desks for 200 cycles each, one of which loses a market
	KETCH_SOAK_CYCLES=200 $(BIN)/pytest -n 0 tests/soak/test_desks.py

SEEDS := 100000
soak-simulation: $(STAMP)  ## orders, cycles and recovery in 100,000 simulated runs with faults
	KETCH_SIMULATION_SEEDS=$(SEEDS) $(BIN)/pytest -n 2 --dist worksteal \
		tests/simulation/test_trouble.py tests/simulation/test_every_step.py

soak-faults: $(STAMP)  ## every fault test, including the long variants
	KETCH_SOAK_FAULTS=1 $(BIN)/pytest -n 2 --dist worksteal -o timeout=600 tests/faults

drills: $(STAMP)  ## sizes and roles, the incident and every fault once, on three seeds each
	for name in ws-01 ws-02 ws-03 pri-01 pri-02 pri-03 resting chaos; do \
		$(BIN)/ketch drill $$name --seed 1 --seed 2 --seed 3 --alone || exit; done
	for name in incident incident-lag; do \
		$(BIN)/ketch drill $$name --seed 1 --seed 2 --seed 3 || exit; done

soak-drills: $(STAMP)  ## chaos for 1,000 cycles, a fifth of them with faults, on three seeds
	$(BIN)/ketch drill chaos --cycles 1000 --seed 1 --seed 2 --seed 3

bench: $(STAMP)  ## the figures that docs/performance.md quotes
	$(BIN)/python -m benchmarks

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ketch needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:  ## remove everything that make created
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
