#!/usr/bin/env bash
# The preparing half of `make up`, on Debian or Ubuntu: packages, a Docker Engine, .venv, the host image, release archives.
#
#   scripts/setup.sh            bring what is missing and start a Docker Engine where none answers (needs root)
#   scripts/setup.sh --check    only tell; ends with 1 when something is missing
#   scripts/setup.sh --no-lab   leave out the host image and the archives (`make test` brings its own)
#   scripts/setup.sh --no-docker   leave out the Engine too (enough for `make check` and for verbs)
#   --quiet                     say nothing where nothing is missing
#
# As a user in group docker no package is installed: what is missing is named in one line.
# A dockerd started here has its pid in $OBS_CACHE/engine/dockerd.pid and its log beside it.
set -euo pipefail

cache="${OBS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/obs-stack}"
engine="$cache/engine"
root="$(cd "$(dirname "$0")/.." && pwd)"
store="${OBS_STORE:-$cache/store}"
image=obs-stack-host:bookworm
check=false
docker=true
lab=true
quiet=false
for option in "$@"; do
    case "$option" in
        --check) check=true ;;
        --no-docker) docker=false lab=false ;;
        --no-lab) lab=false ;;
        --quiet) quiet=true ;;
        *) echo "setup: unknown option '$option' (known: --check, --no-lab, --no-docker, --quiet)" >&2; exit 2 ;;
    esac
done

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }
engine_answers() { have docker && timeout 20 docker info >/dev/null 2>&1; }

# The packages that are missing, one per line: the command or file that proves each one present is beside it.
missing_packages() {
    have make || echo make
    have git || echo git
    "$(dirname "$0")/python.sh" --quiet >/dev/null 2>&1 || printf '%s\n' python3 python3-venv
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
    $docker || return 0
    if ! engine_answers; then
        { have docker && have dockerd; } || echo docker.io
        have iptables || echo iptables
    fi
    # The host image comes from debootstrap, which needs root; other users get it from a registry (scripts/host-image.sh).
    if [ "$(id -u)" = 0 ]; then
        have debootstrap || echo debootstrap
        [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || echo debian-archive-keyring
    fi
}

# What `make up` takes from the laboratory; with a mirror of one's own it needs no archives from there.
missing_lab() {
    $lab && engine_answers || return 0
    docker image inspect "$image" >/dev/null 2>&1 || echo "the host image $image"
    [ -n "${OBS_MIRROR:-}" ] || [ -e "$store/obs_lab.yml" ] || echo "release archives in $store"
}

# The image is unpacked while the archives are built: debootstrap waits for the disk, compilers for the cores.
fill_lab() {
    "$root/scripts/host-image.sh" bookworm &
    local image_job=$!
    if [ -z "${OBS_MIRROR:-}" ] && ! (cd "$root" && .venv/bin/python -m scripts.artifacts --defaults); then
        wait "$image_job" || true
        exit 1
    fi
    wait "$image_job"
}

install_packages() {
    have apt-get || die "cannot install $*: this machine has no apt-get. Install them by hand and run again"
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # Without systemd an init script would start the Engine, and nobody would know its pid: it is started below.
    if [ ! -d /run/systemd/system ] && [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 0755 /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get install -y -qq --no-install-recommends "$@" >"$cache/apt.log" 2>&1 \
        || { tail -n 5 "$cache/apt.log" >&2; die "apt-get could not install $* (whole log: $cache/apt.log)"; }
}

start_engine() {
    if [ -d /run/systemd/system ] && systemctl start docker >/dev/null 2>&1; then
        say "Docker Engine started by systemd"
        return
    fi
    mkdir -p "$engine"
    # A pid file left by a killed daemon stops the next one from starting.
    if [ -e /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then rm -f /var/run/docker.pid; fi
    PATH="$PATH:/usr/sbin:/sbin" setsid nohup dockerd >"$engine/dockerd.log" 2>&1 </dev/null &
    local pid=$! waited=0
    echo "$pid" >"$engine/dockerd.pid"
    until engine_answers; do
        kill -0 "$pid" 2>/dev/null || { tail -n 5 "$engine/dockerd.log" >&2; die "dockerd ended at once (log: $engine/dockerd.log)"; }
        [ "$waited" -lt 60 ] || die "dockerd (pid $pid) does not answer after 60 s (log: $engine/dockerd.log)"
        sleep 1
        waited=$((waited + 1))
    done
    say "Docker Engine started, pid $pid, log $engine/dockerd.log"
}

mkdir -p "$cache"
mapfile -t missing < <(missing_packages)
if $check; then
    problems=("${missing[@]}")
    if $docker && ! engine_answers; then problems+=("a Docker Engine that answers"); fi
    "$root/scripts/venv.sh" --check || problems+=("what requirements.lock says in .venv")
    mapfile -t -O "${#problems[@]}" problems < <(missing_lab)
    if [ ${#problems[@]} -gt 0 ]; then
        printf -v list '%s, ' "${problems[@]}"
        die "missing: ${list%, }. scripts/setup.sh brings it, packages and the Engine as root"
    fi
    $quiet || say "nothing is missing"
    exit 0
fi

if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}. Only root can install them: sudo apt-get install ${missing[*]}"
    install_packages "${missing[@]}"
fi
"$(dirname "$0")/python.sh" --quiet >/dev/null
if $docker && ! engine_answers; then
    [ "$(id -u)" = 0 ] || die "no Docker Engine answers to this user. Start it, or add the user to group docker"
    start_engine
fi
"$root/scripts/venv.sh"
if $lab; then fill_lab; fi
$quiet || say "ready"
