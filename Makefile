# Short names for scripts/: what each does is written there. `make` or `make help` lists them.
.DEFAULT_GOAL := help
# bash, with the settings of .env (see .env.example).
SHELL := scripts/with-env.sh
.SHELLFLAGS := bash -c
PYTHON := .venv/bin/python
# What is called by name inside (ansible-playbook, molecule, pytest) is the virtual environment's.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 } \
		/^## / { printf "%s\n", substr($$0, 4) }' $(firstword $(MAKEFILE_LIST))
	@echo "Words of the verbs: ENV=ha or ENV=path/with/a/slash · HOST= · TAGS= · CHECK=1 · DIFF=1 · EXTRA='name=value' · VERBOSE=1 · OPTIONS="
	@echo "Others: SCENARIO=ha,tls (molecule) · KEEP=1 (molecule: leave the hosts) · settings of this checkout: .env.example"

## This machine, for a try
.PHONY: up
up: setup ## Start one host with the whole stack and a demo application (container obs-local)
	@$(PYTHON) -m scripts.up

.PHONY: down
down: ## Remove what `make up` started
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m scripts.up --down; else docker rm -f obs-local; fi

## An environment, on any day
# Words come from make's command line only: a shell may have its own HOST. All of them are handed on, so that a wrong one
# is refused instead of doing to all hosts what was meant for one.
given = $(sort $(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(subst :=,=,$(word))))))
words = $(foreach word,$(given),$(if $(filter command,$(origin $(word))),'$(word)=$(subst ','\'',$($(word)))'))
VERB = @$(PYTHON) -m scripts.verb $@ $(words)

.PHONY: validate-config
validate-config: tools ## Judge every configuration on this machine, touching no host: [STRICT=0]
	$(VERB)

.PHONY: plan
plan: tools ## Show what deploy would change (site.yml --check --diff)
	$(VERB)

.PHONY: deploy
deploy: tools ## Bring the environment to what its inventory says, then prove it healthy
	$(VERB)

.PHONY: status
status: tools ## What every host runs: version, generation, since, running what is current?
	$(VERB)

.PHONY: history
history: tools ## Generations of a service: SERVICE=
	$(VERB)

.PHONY: rollback
rollback: tools ## Put a service back and hold it there: SERVICE= [TO=4] [LIFT=1] [FORCE=1] [BY=]
	$(VERB)

.PHONY: logs
logs: tools ## Journal of a service, following: SERVICE= [SINCE=15m] [LINES=] [FOLLOW=0]
	$(VERB)

.PHONY: health
health: tools ## Prove every service healthy: [WAIT=0] [STRICT=1]
	$(VERB)

.PHONY: smoke-test
smoke-test: tools ## Send a sample, an alert, a log line and a trace there and back: [WAIT=90] [SOURCE=host]
	$(VERB)

.PHONY: check-dependencies
check-dependencies: tools ## Ask what the environment needs from outside, from the hosts that need it: [ONLY=dns,clock] [SKIP=peer]
	$(VERB)

.PHONY: slo-report
slo-report: tools ## What is left of error budgets: [MONTH=2026-10] [FORMAT=json|markdown] [OUTPUT=] [SERVICE=] [STRICT=1]
	$(VERB)

.PHONY: test-alerts
test-alerts: tools ## Raise a test alert for every receiver, PEOPLE ARE TOLD: [RECEIVER=] [SEVERITY=page] [RESOLVED=1] [WAIT=30] [STRICT=1]
	$(VERB)

.PHONY: diagnose
diagnose: tools ## Run the runbook of an alert: ALERT= [INSTANCE=] [HOST=] [SERVICE=] [SITE=] [LABELS='{"device": "sda"}'] [SINCE=1h] [FORMAT=markdown|json] [OUTPUT=]
	$(VERB)

.PHONY: alert-report
alert-report: tools ## Which alerts fired how often, and which to drop: [WEEKS=4] [SINCE=2026-11-01] [SEVERITY=page] [TIMES=4] [SHORT=5m] [FORMAT=json|markdown] [OUTPUT=]
	$(VERB)

.PHONY: mirror
mirror: tools ## Collect every release archive into a folder that obs_mirror serves: DIR=
	$(VERB)

## The repository
.PHONY: check
check: venv ## Lint, unit and contract tests, secret scan; no Docker, under 3 minutes
	@$(PYTHON) -m scripts.test check

.PHONY: test
test: engine ## Everything: check, sanity and all molecule scenarios
	@$(PYTHON) -m scripts.test all

.PHONY: sanity
sanity: venv ## ansible-test sanity of the collection, and Galaxy's importer
	@$(PYTHON) -m scripts.test sanity

.PHONY: molecule
molecule: engine ## Run molecule scenarios: make molecule SCENARIO=default
	@$(PYTHON) -m scripts.test molecule $(if $(KEEP),--keep) $(SCENARIO)

.PHONY: bench
bench: $(if $(filter grafana slo exporter,$(PART)),venv,lab) ## Measure install, no-change and change runs, 1,000 SLOs, the exporter, 10,000 alerts: [PART=services|grafana|slo|exporter|alerts] [MINUTES=10: memory of the exporter] (PEER_COLLECTIONS= for the comparison)
	@$(if $(filter slo exporter alerts,$(PART)),:,$(PYTHON) scripts/bench.py $(call option,PART,part))
	@$(if $(filter-out slo,$(PART)),:,$(PYTHON) scripts/bench_slo.py)
	@$(if $(filter-out exporter,$(PART)),:,$(PYTHON) -m scripts.bench_exporter $(call option,MINUTES,minutes))
	@$(if $(filter-out alerts,$(PART)),:,$(PYTHON) -m scripts.bench_alerts)

# As with the verbs' words: from the command line only.
option = $(if $(filter command,$(origin $(1))),--$(2) '$($(1))')

.PHONY: grafana-sim
grafana-sim: ## Serve the tests' simulator of Grafana's API on 127.0.0.1: PORT=3999 VERSION=12.0.2 [STORAGE=unified] [FAULTS=1]
	@exec python3 molecule/shared/artifacts/standins/grafana sim $(call option,PORT,port) $(call option,VERSION,version) \
		$(call option,STORAGE,storage) $(if $(filter command,$(origin FAULTS)),--faults)

.PHONY: grafana-contract
grafana-contract: venv ## Hold a real Grafana against the contract of the simulator: GRAFANA_URL=, GRAFANA_USERNAME=, GRAFANA_PASSWORD=
	@$(PYTHON) -m pytest -q tests/grafana/contract

.PHONY: lab
lab: engine ## Build the hosts' images and fill the artifact store
	@scripts/lab.sh

.PHONY: wheelhouse
wheelhouse: venv ## Pack a Python project for its role: [PROJECT=demo|exporter] DIR= [ARCH=arm64] [PYTHONS="3.10 3.12"]
	@$(PYTHON) -m scripts.wheelhouse $(or $(PROJECT),demo) --output $(or $(DIR),.build/wheelhouse) $(if $(ARCH),--arch $(ARCH)) $(foreach version,$(PYTHONS),--python $(version))

.PHONY: setup
setup: ## Install what this machine lacks for `make up`: packages, Docker Engine, .venv, host image, release archives
	@scripts/setup.sh

.PHONY: engine
engine:
	@scripts/setup.sh --no-lab

.PHONY: venv
venv: ## Make .venv hold what requirements.lock says
	@scripts/setup.sh --no-docker

# What a verb needs of this machine, without a word where it is there.
.PHONY: tools
tools:
	@scripts/setup.sh --no-docker --quiet

.PHONY: docs
docs: venv ## Write the pages that are made from the roles, the inventory's specification and the last `make test`
	@$(PYTHON) -m scripts.role_docs
	@$(PYTHON) -m scripts.inventory_docs
	@$(PYTHON) -m scripts.ports_docs
	@$(PYTHON) -m scripts.alert_docs
	@$(PYTHON) -m scripts.compatibility

.PHONY: dashboards
dashboards: venv ## Write the dashboards that ship with the role grafana, and their page, from scripts/dashboards
	@$(PYTHON) -m scripts.dashboards

.PHONY: lock
lock: venv ## Write requirements.lock anew from requirements.txt
	@scripts/venv.sh --lock

.PHONY: clean
clean: ## Remove what make wrote into the checkout, and the tests' hosts; caches outside stay
	@scripts/clean.sh
