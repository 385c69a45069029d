#!/usr/bin/env bash
# Prints the newest Python interpreter of this machine that can build our virtual environment: 3.11 or newer, with venv.
# PYTHON=<path> names one instead. Ends with 1 and a line saying what is missing when there is none; --quiet: no line.
set -euo pipefail

quiet="${1:-}"
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
[ "$quiet" = --quiet ] || echo "no Python 3.11 or newer with the venv module: install python3 and python3-venv, or set PYTHON=" >&2
exit 1
