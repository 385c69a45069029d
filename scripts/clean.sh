#!/usr/bin/env bash
# Removes what make and the tests wrote into the checkout, and the containers and networks of molecule's scenarios.
# What is dear and kept outside (host images, artifact store, Go's cache) stays; so does obs-local: `make down` removes it.
set -euo pipefail

cd "$(dirname "$0")/.."
if timeout 20 docker info >/dev/null 2>&1; then
    docker ps -aq --filter "label=obs.checkout=$PWD" | xargs -r docker rm -f >/dev/null
    docker network ls -q --filter "label=obs.checkout=$PWD" | xargs -r docker network rm >/dev/null
fi
rm -rf .build .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .ansible .cache
rm -rf collections/ansible_collections/obs/stack/tests/output
find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
echo "clean: done"
