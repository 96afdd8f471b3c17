# The habits of this project: set up, try, test, check.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
TRAIN := .venv-train
HA := .venv-ha

.PHONY: help setup setup-train setup-ha setup-all setup-test demo test check bench clean reference

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready ## build .venv with everything to run and test

$(VENV)/.ready: pyproject.toml tools/setup.sh
	PYTHON="$(PYTHON)" tools/setup.sh run

setup-train: $(TRAIN)/.ready ## build .venv-train with TensorFlow, for training and conversion

$(TRAIN)/.ready: pyproject.toml tools/setup.sh
	PYTHON="$(PYTHON)" tools/setup.sh train

setup-ha: $(HA)/.ready ## build .venv-ha with Home Assistant, whose validation the discovery message must pass

$(HA)/.ready: tools/setup.sh
	PYTHON="$(PYTHON)" tools/setup.sh ha

demo: setup ## watch emotion events arrive over MQTT from the bundled clip
	$(VENV)/bin/emoedge demo

# Side by side: they mostly wait for what they fetch. The interpreter comes first, as all of them look for one.
setup-all: ## all three environments, and the programs that tests need
	@PYTHON="$(PYTHON)" tools/setup.sh python
	$(MAKE) --no-print-directory -j4 setup setup-train setup-ha setup-test

setup-test:
	PYTHON="$(PYTHON)" tools/setup.sh test

test: setup-all ## all tests, with a real Mosquitto and a real PyAudio capture
	$(VENV)/bin/python tools/run_tests.py

.PHONY: test-system
test-system: setup ## boot a Debian tree with systemd-nspawn and install the service in it, both ways (root; 12 minutes)
	tools/system_test.sh $(SYSTEM_TEST_DIR)
	tools/system_test.sh --deb $(SYSTEM_TEST_DIR)

.PHONY: deb
deb: ## build dist/emoedge_VERSION_ARCH.deb and have lintian judge it
	@command -v lintian >/dev/null || { echo "lintian is missing: apt-get install lintian"; exit 1; }
	tools/deb.sh
	lintian --allow-root --display-level '>=error' --fail-on error dist/emoedge_*.deb

check: setup ## ruff, mypy --strict, and generated files up to date
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy tools/*.py tools/workbench
	$(VENV)/bin/python tools/reference.py --check

bench: setup ## measure speed beside a naive loop (BENCH="--peers fer,mediapipe" installs and measures peers)
	$(VENV)/bin/pip install -q matplotlib
	$(VENV)/bin/python tools/benchmark.py $(BENCH)

reference: setup ## write config.yaml and the reference pages anew
	$(VENV)/bin/python tools/reference.py

clean: ## remove environments and caches
	rm -rf $(VENV) $(TRAIN) $(HA) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

EMOEDGE_DATA ?=

.PHONY: classic
classic: setup-train ## train, convert and measure the classic systems (EMOEDGE_DATA=DIR; one night)
	@test -n "$(EMOEDGE_DATA)" || { echo "say where the data is: make classic EMOEDGE_DATA=DIR"; exit 2; }
	$(TRAIN)/bin/python tools/classic.py run --data "$(EMOEDGE_DATA)"

.PHONY: models
models: setup-train ## train, convert and measure the shipped models anew (EMOEDGE_DATA=DIR; 2 hours, 6 without bfloat16; resumable)
	@test -n "$(EMOEDGE_DATA)" || { echo "say where the data is: make models EMOEDGE_DATA=DIR"; exit 2; }
	$(TRAIN)/bin/python tools/models.py --data "$(EMOEDGE_DATA)"
