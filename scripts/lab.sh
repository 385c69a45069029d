#!/usr/bin/env bash
# The laboratory is ready: an Engine answers, the hosts' images are built, the artifact store is filled.
# Molecule runs this as a scenario's dependency step and then gets the store as inventory variables: a file of its own
# in the scenario's inventory, which whatever group_vars the scenario sets go before.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
store="${OBS_STORE:-${OBS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/obs-stack}/store}"

timeout 20 docker info >/dev/null 2>&1 || { echo "lab: no Docker Engine answers. Run scripts/setup.sh" >&2; exit 1; }
"$here/host-image.sh"
for python in "${VIRTUAL_ENV:-/nonexistent}/bin/python" "$here/../.venv/bin/python" python3; do
    if "$python" -c 'import yaml' 2>/dev/null; then break; fi
done
(cd "$here/.." && "$python" -m scripts.artifacts)

if [ -n "${MOLECULE_EPHEMERAL_DIRECTORY:-}" ]; then
    inventory="$MOLECULE_EPHEMERAL_DIRECTORY/inventory"
    mkdir -p "$inventory"
    { echo "all:"; echo "  vars:"; sed -e '/^#/d' -e 's/^/    /' "$store/obs_lab.yml"; } >"$inventory/obs_lab.yml"
fi
