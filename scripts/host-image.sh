#!/usr/bin/env bash
# Builds the test hosts' images obs-stack-host:<suite> (Debian with systemd as the first process).
#
#   scripts/host-image.sh [suite …]     default: bookworm trixie
#   scripts/host-image.sh --mirror      only tell which mirror of Debian apt uses here
#
# Root builds by debootstrap from this machine's own Debian mirror; the tarball stays in $OBS_CACHE/hosts and is
# imported again without a download. Other users build on debian:<suite>-slim of the registry.
# An image carries the digest of its recipe as a label and is rebuilt only when that changes.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
recipe="$here/../molecule/shared/hosts"
cache="${OBS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/obs-stack}/hosts"
[ $# -gt 0 ] || set -- bookworm trixie

say() { printf 'host image: %s\n' "$*"; }
die() { printf 'host image: %s\n' "$*" >&2; exit 1; }

packages="$(sed -e 's/#.*//' "$recipe/packages.txt" | xargs | tr ' ' ,)"
offered="$(sed -e 's/#.*//' "$recipe/offered.txt" | xargs)"

# The Debian mirror apt uses here. On Ubuntu there is none, so Debian's own.
mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } \
        | sed -e 's/#.*//' | grep -oE '(https?|mirror\+https?)://[^ ]+/debian/?( |$)' | sed -e 's/ *$//' -e 's,/$,,' | head -n 1 || true
}

# debootstrap asks wget, which does not read apt's configuration.
use_apt_proxy() {
    local proxy=""
    eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null || true)"
    if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then export http_proxy="${http_proxy:-$proxy}"; fi
}

bootstrap() { # suite tarball
    local suite="$1" tarball="$2" root url
    url="$(mirror)"
    root="$(mktemp -d "$cache/$suite.XXXXXX")"
    # shellcheck disable=SC2064 # the path of now is meant
    trap "rm -rf '$root'" EXIT
    say "$suite: debootstrap from ${url:-its default mirror}, about a minute (log: $cache/$suite.log)"
    use_apt_proxy
    PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase --include="$packages" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$suite" "$root" ${url:+"$url"} >"$cache/$suite.log" 2>&1 \
        || { tail -n 3 "$cache/$suite.log" >&2; die "$suite: debootstrap failed (log: $cache/$suite.log)"; }
    cp "$recipe/offer.sh" "$root/offer.sh"
    # shellcheck disable=SC2086 # one word for each package
    PATH="$PATH:/usr/sbin:/sbin" chroot "$root" /offer.sh $offered >>"$cache/$suite.log" 2>&1 \
        || { tail -n 3 "$cache/$suite.log" >&2; die "$suite: no packages to offer (log: $cache/$suite.log)"; }
    rm -rf "$root/offer.sh" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
    : >"$root/etc/machine-id"      # every container draws its own
    tar -C "$root" --numeric-owner --exclude=./dev -cf "$tarball.new" .
    mv "$tarball.new" "$tarball"
    rm -rf "$root"
    trap - EXIT
}

build() { # suite
    local suite="$1" image digest tarball started
    image="obs-stack-host:$suite"
    digest="$({ declare -f bootstrap; echo "$packages $offered"; cat "$recipe/Dockerfile" "$recipe/offer.sh"; } \
        | sha256sum | cut -c 1-12)"
    tarball="$cache/$suite-$digest.tar"
    if [ "$(docker image inspect -f '{{ index .Config.Labels "obs.recipe" }}' "$image" 2>/dev/null)" = "$digest" ]; then
        return
    fi
    started=$SECONDS
    if [ ! -s "$tarball" ] && [ "$(id -u)" = 0 ] && PATH="$PATH:/usr/sbin:/sbin" command -v debootstrap >/dev/null; then
        bootstrap "$suite" "$tarball"
    fi
    if [ -s "$tarball" ]; then
        docker import -c 'CMD ["/lib/systemd/systemd"]' -c 'ENV container=docker LANG=C.UTF-8' \
            -c "LABEL obs.recipe=$digest" "$tarball" "$image" >/dev/null
    else
        say "$suite: not root or no debootstrap, so building on debian:$suite-slim of the registry"
        docker build -q -t "$image" --label "obs.recipe=$digest" --build-arg "SUITE=$suite" \
            --build-arg "PACKAGES=${packages//,/ }" --build-arg "OFFERED=$offered" "$recipe" >/dev/null \
            || die "$suite: could not be built. Run scripts/host-image.sh once as root: debootstrap needs no registry"
    fi
    say "$image ready in $((SECONDS - started)) s"
    find "$cache" -maxdepth 1 -name "$suite-*.tar" ! -path "$tarball" -delete
}

if [ "$1" = --mirror ]; then mirror; exit; fi
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9        # scenarios started side by side build an image once
for suite in "$@"; do build "$suite"; done
