#!/usr/bin/env bash
# The laboratory is ready: an Engine answers, the hosts' images are built, the artifact store is filled.
#
#   scripts/lab.sh [--inventory <folder>]
#
# Molecule runs this as a scenario's dependency step. The store's variables (obs_lab.yml) become a file of their own in
# the scenario's inventory folder; group_vars and host_vars that the scenario sets go before them.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
store="${OBS_STORE:-${OBS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/obs-stack}/store}"

timeout 20 docker info >/dev/null 2>&1 || { echo "lab: no Docker Engine answers. Run scripts/setup.sh" >&2; exit 1; }
# Side by side: one waits for packages, the other for the compiler.
"$here/host-image.sh" &
images=$!
for python in "${VIRTUAL_ENV:-/nonexistent}/bin/python" "$here/../.venv/bin/python" python3; do
    if "$python" -c 'import yaml' 2>/dev/null; then break; fi
done
artifacts=0
(cd "$here/.." && "$python" -m scripts.artifacts) || artifacts=$?
wait "$images"
[ "$artifacts" = 0 ] || exit "$artifacts"

if [ "${1:-}" = --inventory ]; then
    mkdir -p "$2"
    { echo "all:"; echo "  vars:"; sed -e '/^#/d' -e 's/^/    /' "$store/obs_lab.yml"; } >"$2/obs_lab.yml"
fi
