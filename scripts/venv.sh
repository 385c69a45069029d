#!/usr/bin/env bash
# Makes .venv hold exactly what requirements.lock says; does nothing when it already does.
#
#   scripts/venv.sh          make it, or bring it up to date
#   scripts/venv.sh --check  only tell by the exit code whether it does
#   scripts/venv.sh --lock   write requirements.lock anew from requirements.txt
set -euo pipefail

cd "$(dirname "$0")/.."
say() { printf 'venv: %s\n' "$*"; }

# Bytecode is compiled after the install and without the 60,000 files of the collections that nobody here imports.
install() {
    local python log=.venv/install.log started=$SECONDS
    python="$(scripts/python.sh)"
    say "installing requirements.lock into .venv, one or two minutes (log: $log)"
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --no-compile --no-deps --require-hashes -r requirements.lock >"$log" 2>&1 \
        || { tail -n 3 "$log" >&2; say "pip could not install requirements.lock (log: $log)" >&2; exit 1; }
    .venv/bin/python -m compileall -q -j 0 -x '/ansible_collections/(?!community/docker)' .venv/lib >>"$log" 2>&1 || true
    wanted >.venv/obs-lock.sha256
    say "ready in $((SECONDS - started)) s"
}

wanted() { sha256sum <requirements.lock; }

if [ "${1:-}" = --lock ]; then
    .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o .requirements.lock.new requirements.txt
    { echo "# Written by \`make lock\` from requirements.txt; every archive is held against its hash."; cat .requirements.lock.new; } >requirements.lock
    rm -f .requirements.lock.new
    say "requirements.lock written"
    exit 0
fi

current() { [ "$(cat .venv/obs-lock.sha256 2>/dev/null)" = "$(wanted)" ] && .venv/bin/python -c '' 2>/dev/null; }

if [ "${1:-}" = --check ]; then current; else current || install; fi
