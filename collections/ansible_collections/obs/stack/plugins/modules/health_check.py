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
  - Asks a running service of the stack on its own host and judges what it says.
  - B(Prometheus) is ready, its last reload succeeded, every target is up and every target of the inventory is there,
    every rule is evaluated without error, and all Alertmanagers are known. An application of a user that is down is a
    warning.
  - B(Alertmanager) is ready, its last reload succeeded, it sees all members of its cluster, and alerts arrive.
  - B(node_exporter) answers and can read its text files.
  - B(Thanos) is ready; the sidecar has its Prometheus, the query every endpoint, the compactor is not halted, rules are
    evaluated, and the bucket is read and written.
  - B(Loki) and B(Tempo) are ready, members of the ring are active, and lines and spans arrive where somebody sends any.
  - B(OpenTelemetry Collector) and B(Promtail) are up, their queues have room, and nothing was given up or refused.
  - B(Grafana) has its database, and every backend of the B(gateway) has a server that is up.
  - What went wrong earlier and is only counted since, such as lines that were refused, is a warning.
  - Where O(expected.guarded) names ways in, a write without credentials is tried through each, and must be refused.
    The requests have nothing to store, or nothing that can be read, so that nothing is written where it is not.
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
    choices:
      - prometheus
      - alertmanager
      - node_exporter
      - blackbox_exporter
      - pushgateway
      - thanos-sidecar
      - thanos-query
      - thanos-query-frontend
      - thanos-store
      - thanos-compact
      - thanos-rule
      - thanos-receive
      - loki
      - tempo
      - otelcol
      - otelcol-agent
      - promtail
      - exporter
      - grafana
      - gateway
      - demo
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
        description: How many members Alertmanager or the ring of Loki must see, itself counted.
        type: int
      alerts:
        description: Whether alerts must have arrived at Alertmanager.
        type: bool
      lines:
        description: Whether lines must have arrived at Loki.
        type: bool
      spans:
        description: Whether spans must have arrived at Tempo.
        type: bool
      stores:
        description:
          - How many endpoints a Thanos query must have; a number, or numbers by kind (C(sidecar), C(store) and so on).
        type: raw
      health_port:
        description: Port of the OpenTelemetry Collector's health page. O(port) is that of its metrics.
        type: int
      health_address:
        description: Address of that page.
        type: str
        default: 127.0.0.1
      static_keys:
        description: Whether the host has access keys for object storage in its configuration. On EC2 that is a warning.
        type: bool
      guarded:
        description: Ways in that must refuse a write without credentials, at the address that others use.
        type: list
        elements: dict
        suboptions:
          what:
            description: What it is, for people.
            type: str
            required: true
          address:
            description: Its address.
            type: str
            required: true
          port:
            description: Its port.
            type: int
            required: true
          scheme:
            description: How it is asked. The other one is tried, too, where the listener does not speak this one.
            type: str
            choices: [http, https]
            default: http
          path:
            description: Path of the request, or of the call for V(GRPC).
            type: str
            required: true
          method:
            description: Method of the request; V(GRPC) makes a call.
            type: str
            default: POST
          content_type:
            description: Type of the request's body.
            type: str
            default: application/json
          warning:
            description: Tell only that it is open.
            type: bool
            default: false
  strict:
    description: Whether warnings, such as a user's application that is down, count as wrong.
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

- name: Prove that Loki lets nobody write without a certificate
  obs.stack.health_check:
    component: loki
    port: 3100
    scheme: https
    ca_path: /etc/loki/tls/ca.pem
    client_cert: /etc/loki/tls/server.crt
    client_key: /etc/loki/tls/server.key
    expected:
      guarded:
        - what: Loki push
          scheme: https
          address: 10.0.0.5
          port: 3100
          path: /loki/api/v1/push
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
      description: Whether it is told only, a user's own to put right for example.
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
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _health, _instance, _trying, _ways_in
from ansible_collections.obs.stack.plugins.module_utils._http import ENDPOINT_OPTIONS, Endpoint, endpoint_fields

PAUSE = 1.0
# What does not answer at all is down, not just started: site.yml leaves nothing behind that is not ready.
SILENT_SECONDS = 10.0
AT_ONCE = 8
GUARDED = {
    "what": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "default": "POST"},
    "content_type": {"type": "str", "default": "application/json"},
    "warning": {"type": "bool", "default": False},
}


def fetch(endpoint: Endpoint, prefix: str, component: str, expected: dict[str, t.Any]) -> dict[str, _health.Page]:
    """Every page the judgement needs; a page that does not answer says why."""
    pages = {}
    for path in _health.pages_of(component, expected):
        asked, where = endpoint, prefix + path
        if path == _health.HEALTH_PORT:
            # Told in plain and without a login, whatever the port of the metrics asks for.
            address = expected.get("health_address") or "127.0.0.1"
            asked, where = Endpoint(address=address, port=expected["health_port"]), "/"
        try:
            status, body = asked.get(where)
        except OSError as error:
            pages[path] = _health.Page(0, "{0} does not answer: {1}".format(asked.url(prefix), error))
        else:
            pages[path] = _health.Page(status, body.decode("utf-8", "replace"))
    return pages


def guards(expected: dict[str, t.Any], *, strict: bool) -> list[_health.Finding]:
    """Try every way in that is to refuse us."""
    ways = [_ways_in.way_of(item) for item in expected.get("guarded") or []]
    if not ways:
        return []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        attempts = list(pool.map(_trying.attempt, ways))
    return _ways_in.judge(ways, attempts, strict=strict)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True, "choices": list(_health.SERVICES)},
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
                    "lines": {"type": "bool"},
                    "spans": {"type": "bool"},
                    "stores": {"type": "raw"},
                    "health_port": {"type": "int"},
                    "health_address": {"type": "str", "default": "127.0.0.1"},
                    "static_keys": {"type": "bool"},
                    "guarded": {"type": "list", "elements": "dict", "options": GUARDED},
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
        pages = fetch(endpoint, params["prefix"], params["component"], params["expected"])
        findings = _health.evaluate(
            params["component"], pages, params["expected"], time.time(), strict=params["strict"]
        )
        waited = time.monotonic() - started
        patience = float(params["wait"]) if findings[0].healthy else min(float(params["wait"]), SILENT_SECONDS)
        if waited >= patience or all(finding.healthy and not finding.pending for finding in findings):
            break
        time.sleep(PAUSE)
    if findings[0].healthy:
        findings += guards(params["expected"], strict=params["strict"])
    if params["expected"].get("static_keys"):
        findings += _instance.judge(_instance.vendor(), strict=params["strict"])

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
