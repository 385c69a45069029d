# Short names for scripts/: what each does is written there. `make` or `make help` lists them.
.DEFAULT_GOAL := help
SHELL := bash
PYTHON := .venv/bin/python
# What is called by name inside (ansible-playbook, molecule, pytest) is the virtual environment's.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Variables: SCENARIO=ha,tls (molecule) · KEEP=1 (molecule: leave the hosts) · OBS_STORE, OBS_CACHE (places)"

.PHONY: up
up: setup ## Start one host with Prometheus, Alertmanager and node_exporter (container obs-local)
	@$(PYTHON) -m scripts.up

.PHONY: down
down: ## Remove what `make up` started
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m scripts.up --down; else docker rm -f obs-local; fi

.PHONY: check
check: venv ## Lint, unit and contract tests, secret scan; no Docker, under 3 minutes
	@$(PYTHON) -m scripts.test check

.PHONY: test
test: setup ## Everything: check, sanity and all molecule scenarios
	@$(PYTHON) -m scripts.test all

.PHONY: sanity
sanity: venv ## ansible-test sanity of the collection
	@$(PYTHON) -m scripts.test sanity

.PHONY: molecule
molecule: setup ## Run molecule scenarios: make molecule SCENARIO=default
	@$(PYTHON) -m scripts.test molecule $(if $(KEEP),--keep) $(SCENARIO)

.PHONY: bench
bench: setup lab ## Measure install, no-change and change runs (PEER_COLLECTIONS= for the comparison)
	@$(PYTHON) scripts/bench.py

.PHONY: lab
lab: setup ## Build the hosts' images and fill the artifact store
	@scripts/lab.sh

.PHONY: setup
setup: ## Install what this machine lacks and start a Docker Engine where none answers
	@scripts/setup.sh
	@scripts/venv.sh

.PHONY: venv
venv: ## Make .venv hold what requirements.lock says
	@scripts/setup.sh --no-docker
	@scripts/venv.sh

.PHONY: docs
docs: venv ## Write the roles' READMEs, and what the last `make test` ran into docs/compatibility.md
	@$(PYTHON) -m scripts.role_docs
	@$(PYTHON) -m scripts.compatibility

.PHONY: lock
lock: venv ## Write requirements.lock anew from requirements.txt
	@scripts/venv.sh --lock

.PHONY: clean
clean: ## Remove what make wrote into the checkout, and the tests' hosts; caches outside stay
	@scripts/clean.sh
