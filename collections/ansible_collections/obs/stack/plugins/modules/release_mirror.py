#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: release_mirror
short_description: Collect release archives into a folder that serves as a mirror
version_added: "0.1.0"
description:
  - >-
    Brings the archives of releases, for several architectures, and each release's checksum file into a folder of the
    controller. Its layout is C(<upstream host>/<upstream path>), which is what
    O(obs.stack.release_service#module:fetch.mirror) reads, by C(file://) or behind any web server.
  - Every archive is verified by its sha256 when it comes and again at every run. A damaged one is replaced.
  - Writes C(SHA256SUMS) over all files, so that C(sha256sum -c SHA256SUMS) proves a copy of the folder elsewhere.
  - Files of earlier runs stay. Runs on the controller; no host is connected to.
author:
  - obs.stack contributors (@obs-stack)
options:
  path:
    description:
      - The folder, made when missing.
    type: path
    required: true
  releases:
    description:
      - The releases, as M(obs.stack.release_service) returns them with O(obs.stack.release_service#module:mode=mirror).
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description:
          - Name of the service, for messages.
        type: str
        required: true
      version:
        description:
          - Version, without a leading v.
        type: str
        required: true
      url:
        description:
          - Upstream's URL of the archive with C({arch}) and C({version}).
        type: str
        required: true
      checksums_url:
        description:
          - The release's checksum file. It also tells for which architectures there is an archive.
        type: str
        default: ""
      sha256:
        description:
          - Architecture to sha256 of its archive; what it has no entry for comes from O(releases[].checksums_url).
        type: dict
        default: {}
      arch_names:
        description:
          - What C(uname -m) says to what the archive's name says.
        type: dict
        default: {"x86_64": "amd64", "aarch64": "arm64"}
  architectures:
    description:
      - Architectures to collect, in Go's names or as C(uname -m) says. One that a release does not have is told and is
        no error.
    type: list
    elements: str
    default: [amd64, arm64]
  fetch:
    description:
      - How files are fetched.
    type: dict
    suboptions:
      mirror:
        description:
          - URL of another mirror to collect from instead of upstream.
        type: str
        default: ""
      proxy:
        description:
          - HTTP proxy. The environment's C(https_proxy) and C(no_proxy) are used when left out.
        type: str
        default: ""
      ca_path:
        description:
          - PEM file of the authorities to trust.
        type: str
        default: ""
      headers:
        description:
          - Headers for the first host only, for example C(Authorization). They never follow a redirect elsewhere.
        type: dict
        default: {}
      timeout:
        description:
          - Seconds without an answer after which an attempt is given up.
        type: int
        default: 60
      cache_dir:
        description:
          - Private folder for archives. The default is C(~/.cache/obs-stack/artifacts).
        type: str
        default: ""
extends_documentation_fragment:
  - obs.stack.attributes
attributes:
  check_mode:
    support: full
    details:
      - Writes nothing and downloads no archive. Checksum files are read.
  diff_mode:
    support: full
    details:
      - Shows C(SHA256SUMS) before and after.
  idempotent:
    support: full
seealso:
  - module: obs.stack.release_service
"""

EXAMPLES = r"""
- name: Collect one release for both architectures
  obs.stack.release_mirror:
    path: /srv/mirror
    releases:
      - service: node_exporter
        version: 1.12.1
        url: https://github.com/prometheus/node_exporter/releases/download/v{version}/node_exporter-{version}.linux-{arch}.tar.gz
        checksums_url: https://github.com/prometheus/node_exporter/releases/download/v{version}/sha256sums.txt
"""

RETURN = r"""
path:
  description: The folder, absolute.
  returned: always
  type: str
  sample: /srv/mirror
files:
  description:
    - What is there and what is not, with C(path), C(service), C(version), C(arch), C(state), C(sha256), C(size) in
      bytes and C(why).
    - C(state) is V(present), V(added), V(kept) for a file of an earlier run, or V(not released).
  returned: success
  type: list
  elements: dict
table:
  description: The same as lines of a table, on failure with what could not be had.
  returned: always
  type: list
  elements: str
"""
