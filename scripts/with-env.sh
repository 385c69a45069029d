#!/usr/bin/env bash
# Runs a command with the settings of .env, where there is one. It is make's shell, so that every recipe has them.
# What the environment or make's command line already says wins over .env.
if [ -e .env ]; then
    before="$(export -p)"
    set -a
    # shellcheck source=/dev/null
    . ./.env || { echo ".env cannot be read: it holds lines of the shell, NAME=value" >&2; exit 2; }
    set +a
    eval "$before"
fi
exec "$@"
