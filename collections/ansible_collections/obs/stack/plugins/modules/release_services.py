#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work; obs.stack.release_service_apply is its half on the host.

from __future__ import annotations

DOCUMENTATION = r"""
module: release_services
short_description: Several services from release archives, one after the other in one round trip
version_added: "0.1.0"
description:
  - Does for a list of services what M(obs.stack.release_service) does for one, each as a transaction of its own.
  - The options of all are looked at before the first is touched. The services are then gone through in order, up to the
    first that fails.
  - A loop over M(obs.stack.release_service) does the same with a round trip, and the templating of all its options, for
    each service.
author:
  - obs.stack contributors (@obs-stack)
requirements:
  - On the host, systemd and Python 3.9. The checkers run by C(systemd-run).
options:
  mode:
    description:
      - What is done with all of them, as in M(obs.stack.release_service).
    type: str
    choices: [apply, validate, mirror]
    default: apply
  services:
    description:
      - The services, in the order in which they are applied. Each takes the options of M(obs.stack.release_service) but
        for its O(mode).
    type: list
    elements: dict
    required: true
extends_documentation_fragment:
  - obs.stack.attributes
  - obs.stack.deploy
  - obs.stack.links
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: obs.stack.release_service
"""

EXAMPLES = r"""
- name: Run an application and what loads it
  obs.stack.release_services:
    services:
      - name: example
        release: "{{ release }}"
        account: {user: example, group: example}
        command: [example, --listen=127.0.0.1:8080]
        probe: {port: 8080, path: /healthz}
      - name: example-load
        release: "{{ release }}"
        account: {user: example, group: example}
        command: [example-load, --url=http://127.0.0.1:8080]
  vars:
    release:
      version: 1.2.3
      url: https://example.com/example-1.2.3.linux-{arch}.tar.gz
      checksums_url: https://example.com/sha256sums.txt
      binaries: {example: example, example-load: example-load}
"""

RETURN = r"""
results:
  description:
    - What M(obs.stack.release_service) returns of each service, in order, with its name as C(service). Those after the
      first that failed are not among them.
  returned: always
  type: list
  elements: dict
  sample: [{service: example, changed: false, action: none}]
service:
  description: The service that failed.
  returned: failure
  type: str
  sample: example-load
step:
  description: Phase in which it failed.
  returned: failure
  type: str
  sample: probe
"""
