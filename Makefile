# Each verb that needs Python goes through tools/bootstrap.py, which makes .venv from uv.lock (and uv itself, if need be).
# No verb may be named like a folder without being .PHONY: make would find it "up to date" (tests/tidy proves it).
SHELL := /bin/sh
PYTHON ?= python3
RUN := .venv/bin/python
CLUSTER := .cluster
.DEFAULT_GOAL := help

.PHONY: help env test test-fast check generate fix cluster cluster-down install uninstall run demo demo-down bench sweep sweep-honesty guard-honesty attack scenarios-replayed clean

help: 
	@echo "stanch: incidents as Kubernetes objects"
	@echo
	@echo "Every day"
	@echo "  make test           All tests, on a cluster of their own that is gone afterwards (about 20 min)."
	@echo "  make test-fast      The tests that need no cluster and no root (about 1 min)."
	@echo "  make check          Everything CI checks before tests: lint, format, types, layers, generated files (about 1 min)."
	@echo "  make generate       Rewrite every generated file: crds/, manifests/, docs/reference/ (3 s)."
	@echo "  make fix            Let ruff repair and format what it can (1 s)."
	@echo "With a cluster"
	@echo "  make cluster        Start a local cluster of two nodes in .cluster/ (10 s; 15 min the first time: it builds)."
	@echo "  make install        Put CRDs, rights and policies on it, and wait until they hold (10 s)."
	@echo "  make run            Run the operator against it, as its ServiceAccount, in the foreground (Ctrl-C ends it)."
	@echo "  make uninstall      Take stanch off the cluster again, records included (10 s)."
	@echo "  make cluster-down   Stop the cluster and remove all of it (5 s)."
	@echo "See it work"
	@echo "  make demo           A crash-looping release, an Incident, evidence, rollback, recovery, postmortem (1 min)."
	@echo "  make demo-down      Stop the demo's operator and take down the cluster in .cluster/."
	@echo "  make bench          How fast it is, beside a replay of its own requests and beside kubectl (16 min)."
	@echo "  make sweep          Break every request of every action and its undo, one at a time (90 min)."
	@echo "  make sweep-honesty  Plant bugs in the operator, and see the sweep turn red for each of them (10 min)."
	@echo "  make guard-honesty  Plant bugs in guards, approvals and policies, and see a test turn red for each (10 min)."
	@echo "  make attack         Attack it as people, machines and with its own token; a thousand freezes (6 min)."
	@echo "  make scenarios-replayed  Faults of public suites on a cluster, each told by an alert and planned by a Runbook (2 min)."
	@echo "  make clean          Remove caches and .venv; clusters stay."

env:
	@$(PYTHON) tools/bootstrap.py

test: env
	@$(RUN) -m tools.test_run $(ARGS)

test-fast: env
	@$(RUN) -m pytest tests --ignore=tests/cluster --ignore=tests/testcluster --ignore=tests/e2e --ignore=tests/docs --ignore=tests/bench --ignore=tests/attack $(ARGS)

check: env
	@$(RUN) -m tools.check

generate: env
	@$(RUN) -m tools.crds && $(RUN) -m tools.policies && $(RUN) -m tools.rbac && $(RUN) -m tools.reference

fix: env
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format --quiet .

cluster:
	@$(PYTHON) tools/testcluster up --dir $(CLUSTER)

cluster-down:
	@$(PYTHON) tools/testcluster down --dir $(CLUSTER)

install: env
	@$(RUN) -m tools.install $(ARGS)

uninstall: env
	@$(RUN) -m tools.install --uninstall $(ARGS)

run: env
	@$(RUN) -m tools.operator_run $(ARGS)

demo: env
	@$(RUN) -m tools.demo up

demo-down: env
	@$(RUN) -m tools.demo down

bench: env
	@$(RUN) -m bench $(ARGS)

clean:
	@rm -rf .venv .cluster-test-logs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

sweep: env
	@STANCH_EXPLORE=100000 $(RUN) -m pytest tests/core/test_explore.py -s
	@STANCH_SWEEP=full $(RUN) -m tools.with_cluster $(RUN) -m pytest tests/e2e/test_crash_sweep.py tests/e2e/test_toolkit_sweep.py -s $(ARGS)

sweep-honesty: env
	@STANCH_SWEEP=honesty $(RUN) -m tools.with_cluster $(RUN) -m pytest tests/e2e/test_sweep_honesty.py -s $(ARGS)

guard-honesty: env
	@STANCH_GUARDS=honesty $(RUN) -m pytest tests/guards $(ARGS)

attack: env
	@STANCH_FREEZES=1000 $(RUN) -m tools.with_cluster $(RUN) -m pytest tests/attack -s $(ARGS)

scenarios-replayed: env
	@STANCH_REPLAYED=all $(RUN) -m tools.with_cluster $(RUN) -m pytest tests/e2e/test_scenarios_replayed.py -s $(ARGS)
