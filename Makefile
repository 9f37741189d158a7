# The same commands for people, tests and machines. `make help` lists them.
# The first target needs Python 3.11 or newer with pip; everything else comes with it, into .venv, .uv and .engines.

PYTHON ?= python3
PORT ?= 8080
DATA ?= var
PG ?=
URL ?= http://127.0.0.1:8080
STORY ?= SC-04
ONLY ?=
RATE ?= 30
PROCESSES ?= 1
CLERKS ?= 12
SECONDS ?= 20
JOBS ?= 3

PACKAGES := contracts chassis gateway catalog-svc intake-svc routing-svc credential-svc deploy/local deploy/operations
RUNTIME := .venv/runtime.stamp
DEV := .venv/dev.stamp
COMPILE := .uv/bin/uv --system-certs pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help .venv run run-full demo test check bench soak national contracts lock upgrade

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME) ## the whole system on this machine until Ctrl-C [PORT=8080] [DATA=var] [PG=system]
	@exec .venv/bin/python -m tongban_local.run --port $(PORT) --data "$(DATA)" $(if $(PG),--postgres $(PG))

run-full: $(RUNTIME) ## the same in processes on Kafka and a PostgreSQL server [PORT=8080] [DATA=var] [PG=system] [PROCESSES=1]
	@exec .venv/bin/python -m tongban_local.run_full --port $(PORT) --data "$(DATA)" --processes $(PROCESSES) $(if $(PG),--postgres $(PG))

demo: $(RUNTIME) ## tell the story over HTTP against a running system [URL=http://127.0.0.1:8080] [STORY=SC-04]
	@exec .venv/bin/python -m tongban_local.demo --url $(URL) --story $(STORY)

test: $(DEV) ## every test, on engines it brings itself; families run side by side [JOBS=3]
	@.venv/bin/python -m tongban_local.jars
	@exec .venv/bin/python -m pytest tests -m "not drill" --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder

check: $(DEV) ## lint, types and structure
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy
	@exec .venv/bin/python -m pytest -q tests/house

faults: $(DEV) ## kill anything, lose nothing: strikes the whole system for most of an hour [SEED=4] [MINUTES=120] [ONLY=…] [SCALE=small]
	@.venv/bin/python -m tongban_local.jars
	@.venv/bin/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(ONLY),--only "$(ONLY)") $(if $(SCALE),--scale $(SCALE))
	@$(if $(ONLY)$(SCALE),true,exec .venv/bin/python -m pytest -q tests -m drill)

upgrade: $(DEV) ## replace the released version under load [CLERKS=12] [SECONDS=20]
	@.venv/bin/python -m tongban_local.jars
	@exec .venv/bin/python -m tests.upgrade --clerks $(CLERKS) --seconds $(SECONDS)

bench: $(DEV) ## measure the line on a system of its own; keep the machine quiet [ONLY=limits,registration,latency,clerks,cases] [PROCESSES=1] [MINUTES=10]
	@.venv/bin/python -m tongban_local.jars
	@exec .venv/bin/python -m bench.line --processes $(PROCESSES) $(if $(ONLY),--only $(ONLY)) $(if $(MINUTES),--minutes $(MINUTES))

soak: $(DEV) ## an hour of whole cases at half of a rate: what grows, what a case leaves behind [RATE=30] [MINUTES=60]
	@.venv/bin/python -m tongban_local.jars
	@exec .venv/bin/python -m bench.line --only soak --rate $(RATE) --minutes $(or $(MINUTES),60)

national: $(DEV) ## the catalogue at national scale: who is competent, and real services that follow it [PLACES=2849] [SEED=1]
	@.venv/bin/python -m bench.national $(if $(PLACES),--places $(PLACES)) $(if $(SEED),--seed $(SEED))
	@exec .venv/bin/python -m bench.national_services $(if $(PLACES),--places $(PLACES)) $(if $(SEED),--seed $(SEED))

contracts: $(DEV) ## write the generated contracts (schemas, OpenAPI, AsyncAPI, docs/states.md)
	@exec .venv/bin/python -m tongban_local.contracts

lock: .uv/bin/uv ## resolve requirements*.in anew into the hashed locks
	@$(COMPILE) requirements.in --output-file requirements.lock
	@$(COMPILE) requirements-dev.in --constraints requirements.lock --output-file requirements-dev.lock
	@$(COMPILE) requirements-uv.in --output-file requirements-uv.lock
	@$(COMPILE) deploy/images/requirements.in --constraints requirements.lock --output-file deploy/images/requirements.lock
	@$(COMPILE) deploy/images/requirements-build.in --constraints requirements.lock --output-file deploy/images/requirements-build.lock
	@echo "locked: $$(grep -c '^[a-z]' requirements-dev.lock) packages"

.venv: $(DEV) ## the development environment in .venv (made by the other commands when needed)

.uv/bin/uv: requirements-uv.lock
	@$(PYTHON) .ci/environment.py installer

$(RUNTIME): requirements.lock $(PACKAGES:%=%/pyproject.toml) .ci/environment.py
	@$(PYTHON) .ci/environment.py runtime $(PACKAGES)

$(DEV): requirements-dev.lock requirements.lock $(PACKAGES:%=%/pyproject.toml) .ci/environment.py
	@$(PYTHON) .ci/environment.py dev $(PACKAGES)
