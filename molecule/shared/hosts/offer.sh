#!/bin/sh
# Run within an image that is being made: keeps packages, with what they need, as the only source of the image's apt.
#   offer.sh package …
set -eu

folder=/var/local/packages
export DEBIAN_FRONTEND=noninteractive
apt-get clean
apt-get update -qq
apt-get install -qq -y --no-install-recommends --download-only "$@"
mkdir -p "$folder"
mv /var/cache/apt/archives/*.deb "$folder"
cd "$folder"
for package in *.deb; do
    dpkg-deb --field "$package"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
        "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d ' ' -f 1)"
done >Packages
rm -f /etc/apt/sources.list.d/*
# No signature: the packages were checked against the distribution's when they came.
echo "deb [trusted=yes] file:$folder ./" >/etc/apt/sources.list
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
