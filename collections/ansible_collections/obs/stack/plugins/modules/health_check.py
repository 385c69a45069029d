#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask one service of the stack on its own host whether it is healthy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Prove that a service of the stack is healthy
version_added: 0.1.0
description:
  - Asks a running Prometheus, Alertmanager or node_exporter on its own host and judges what it says.
  - B(Prometheus) is ready, its last reload succeeded, every target is up and every target of the inventory is there,
    every rule is evaluated without error, and all Alertmanagers are known. An application of a user that is down is a
    warning.
  - B(Alertmanager) is ready, its last reload succeeded, it sees all members of its cluster, and alerts arrive.
  - B(node_exporter) answers and can read its text files.
  - Asks again until all is well or O(wait) is over, so a target that has just started is given its time.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.endpoint]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  component:
    description: The service.
    type: str
    required: true
    choices: [prometheus, alertmanager, node_exporter]
  expected:
    description: What the inventory wants; what is left out is not judged.
    type: dict
    default: {}
    suboptions:
      targets:
        description: Targets of Prometheus, each a list of job and instance.
        type: list
        elements: list
      applications:
        description: Targets that are users' own, likewise. They must be there; whether they are up, see O(strict).
        type: list
        elements: list
      jobs:
        description: Jobs of the stack. Targets of other jobs are users' own; without it, none is.
        type: list
        elements: str
      alertmanagers:
        description: How many Alertmanagers Prometheus must know.
        type: int
      members:
        description: How many members Alertmanager must see, itself counted.
        type: int
      alerts:
        description: Whether alerts must have arrived at Alertmanager.
        type: bool
  strict:
    description: Whether a user's application that is down counts as wrong; otherwise it is a warning.
    type: bool
    default: false
  wait:
    description: Seconds to go on asking while something is wrong; at most ten when the service does not answer at all.
    type: int
    default: 0
  fail:
    description: Fail when something is wrong; otherwise only return it.
    type: bool
    default: true
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Prove that Prometheus is healthy
  obs.stack.health_check:
    component: prometheus
    port: 9090
    wait: 60

- name: Look at an Alertmanager behind TLS and a password
  obs.stack.health_check:
    component: alertmanager
    port: 9093
    scheme: https
    ca_path: /etc/alertmanager/tls/ca.pem
    server_name: obs-a.example.com
    username: metrics
    password: "{{ alertmanager_basic_auth_password }}"
    expected:
      members: 2
    fail: false
  register: health
"""

RETURN = r"""
healthy:
  description: Whether all is well.
  type: bool
  returned: always
findings:
  description: What was looked at.
  type: list
  elements: dict
  returned: always
  contains:
    component:
      description: The service.
      type: str
    check:
      description: What was looked at, such as V(targets).
      type: str
    healthy:
      description: Whether it is well.
      type: bool
    warning:
      description: Whether it is a user's own to put right.
      type: bool
    detail:
      description: How it is, or what is wrong.
      type: str
waited:
  description: Seconds until the answer was final.
  type: float
  returned: always
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _health
from ansible_collections.obs.stack.plugins.module_utils._http import ENDPOINT_OPTIONS, Endpoint, endpoint_fields

PAUSE = 1.0
# What does not answer at all is down, not just started: site.yml leaves nothing behind that is not ready.
SILENT_SECONDS = 10.0


def fetch(endpoint: Endpoint, prefix: str, component: str) -> dict[str, _health.Page]:
    """Every page the judgement needs; a page that does not answer says why."""
    pages = {}
    for path in _health.PAGES[component]:
        try:
            status, body = endpoint.get(prefix + path)
        except OSError as error:
            pages[path] = _health.Page(0, "{0} does not answer: {1}".format(endpoint.url(prefix), error))
        else:
            pages[path] = _health.Page(status, body.decode("utf-8", "replace"))
    return pages


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True, "choices": ["prometheus", "alertmanager", "node_exporter"]},
            **ENDPOINT_OPTIONS,
            "expected": {
                "type": "dict",
                "default": {},
                "options": {
                    "targets": {"type": "list", "elements": "list"},
                    "applications": {"type": "list", "elements": "list"},
                    "jobs": {"type": "list", "elements": "str"},
                    "alertmanagers": {"type": "int"},
                    "members": {"type": "int"},
                    "alerts": {"type": "bool"},
                },
            },
            "strict": {"type": "bool", "default": False},
            "wait": {"type": "int", "default": 0},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    params: dict[str, t.Any] = module.params
    endpoint = Endpoint(**endpoint_fields(params))
    started = time.monotonic()
    while True:
        pages = fetch(endpoint, params["prefix"], params["component"])
        findings = _health.evaluate(
            params["component"], pages, params["expected"], time.time(), strict=params["strict"]
        )
        waited = time.monotonic() - started
        patience = float(params["wait"]) if findings[0].healthy else min(float(params["wait"]), SILENT_SECONDS)
        if waited >= patience or all(finding.healthy and not finding.pending for finding in findings):
            break
        time.sleep(PAUSE)

    healthy = all(finding.healthy for finding in findings)
    result = {
        "changed": False,
        "healthy": healthy,
        "waited": round(waited, 1),
        "findings": [
            {
                "component": params["component"],
                "check": f.check,
                "healthy": f.healthy,
                "warning": f.warning,
                "detail": f.detail,
            }
            for f in findings
        ],
    }
    if params["fail"] and not healthy:
        wrong = ["{0}: {1}".format(finding.check, finding.detail) for finding in findings if not finding.healthy]
        module.fail_json(
            msg="{0} at {1} is not healthy: {2}.".format(
                params["component"], endpoint.url(params["prefix"]), "; ".join(wrong)
            ),
            **result,
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
