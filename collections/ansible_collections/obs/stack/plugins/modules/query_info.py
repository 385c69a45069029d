#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of Prometheus, Thanos query or Loki to queries, asked on their own host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: query_info
short_description: Ask Prometheus, Thanos query or Loki on its own host
version_added: 0.1.0
description:
  - Asks queries of a service that M(obs.stack.release_service) runs on the host, whose address and login are known.
  - A query that is refused is an answer like the others, with its error. The module fails when nobody can be asked.
extends_documentation_fragment: [obs.stack.attributes]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
options:
  service:
    description: Who is asked. V(loki) takes LogQL, the others take PromQL.
    type: str
    choices: [prometheus, thanos-query, loki]
    default: prometheus
  queries:
    description: The queries.
    type: list
    elements: str
    required: true
  start:
    description: Seconds of the epoch, from when on; for a range. Loki is asked for the last hour without it.
    type: float
    default: 0
  end:
    description: Seconds of the epoch, until when; now without it.
    type: float
    default: 0
  step:
    description: Seconds between the points of a range of Prometheus. Without it the answer is of O(end) alone.
    type: int
    default: 0
  limit:
    description: How many lines of Loki, the latest ones.
    type: int
    default: 50
  root:
    description: Where M(obs.stack.release_service) has its services.
    type: path
    default: /opt/obs
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.slo_info
"""

EXAMPLES = r"""
- name: Which targets are down
  obs.stack.query_info:
    queries: ["up == 0"]
  register: down

- name: The last errors of the shop
  obs.stack.query_info:
    service: loki
    queries: ['{service_name="shop"} | detected_level="error"']
    limit: 20
"""

RETURN = r"""
answers:
  description: One entry for each query, in order.
  type: list
  elements: dict
  returned: success
  contains:
    query:
      description: The query.
      type: str
    error:
      description: Why it was not answered, or empty.
      type: str
    result:
      description: >-
        Series as the API gives them, C(metric) with C(value) or C(values); streams of Loki with C(stream) and
        C(values).
      type: list
      elements: dict
"""

import time
import typing as t
import urllib.parse

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._rule_server import Server, answer, server_of

# Prometheus gives at most 11,000 points of a series at once.
POINTS = 10_000
HOUR = 3600.0


def spans(start: float, end: float, step: int) -> list[tuple[float, float]]:
    """A range cut into parts of which none is too long."""
    found = []
    while start <= end:
        until = min(end, start + step * (POINTS - 1))
        found.append((start, until))
        start = until + step
    return found


def paths(params: t.Mapping[str, t.Any], query: str, now: float) -> list[str]:
    """What is asked for one query, in order."""
    end = params["end"] or now
    if params["service"] == "loki":
        start = params["start"] or end - HOUR
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "limit": params["limit"]}
        return ["/loki/api/v1/query_range?" + urllib.parse.urlencode(asked)]
    if not params["step"]:
        return ["/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": f"{end:.3f}"})]
    return [
        "/api/v1/query_range?"
        + urllib.parse.urlencode(
            {"query": query, "start": f"{first:.3f}", "end": f"{last:.3f}", "step": params["step"]}
        )
        for first, last in spans(params["start"], end, params["step"])
    ]


def joined(parts: t.Iterable[t.Sequence[t.Mapping[str, t.Any]]]) -> list[dict[str, t.Any]]:
    """The series of several answers, each once with all of its points."""
    found: dict[t.Any, dict[str, t.Any]] = {}
    for part in parts:
        for series in part:
            labels = series.get("metric") or series.get("stream") or {}
            key = tuple(sorted(labels.items()))
            if key in found and "values" in series:
                found[key]["values"] = found[key]["values"] + series["values"]
            else:
                found[key] = dict(series)
    return list(found.values())


def asked(server: Server, params: t.Mapping[str, t.Any], query: str, now: float) -> dict[str, t.Any]:
    """The answer to one query."""
    try:
        data = [answer(server, path) for path in paths(params, query, now)]
    except StackError as error:
        return {"query": query, "error": error.why or str(error), "result": []}
    if data and data[0].get("resultType") in ("scalar", "string"):
        return {"query": query, "error": "", "result": [{"metric": {}, "value": data[0]["result"]}]}
    return {"query": query, "error": "", "result": joined(one.get("result") or [] for one in data)}


def main() -> None:
    """Ask."""
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str", "choices": ["prometheus", "thanos-query", "loki"], "default": "prometheus"},
            "queries": {"type": "list", "elements": "str", "required": True},
            "start": {"type": "float", "default": 0},
            "end": {"type": "float", "default": 0},
            "step": {"type": "int", "default": 0},
            "limit": {"type": "int", "default": 50},
            "root": {"type": "path", "default": "/opt/obs"},
        },
        supports_check_mode=True,
    )
    params: dict[str, t.Any] = module.params
    try:
        server = server_of(
            {"service": params["service"], "root": params["root"], "prometheus_url": "", "reload": "none"}
        )
        if server.endpoint is None:
            raise StackError(
                "Could not ask {0}".format(params["service"]),
                why="it is no service of release_service on this host",
                hint="Run site.yml first.",
                doc="diagnose",
            )
        status, _body = server.endpoint.get(server.prefix + "/metrics", timeout=10)
        if status >= 500:
            raise StackError("Could not ask {0}".format(params["service"]), why=f"HTTP {status}", doc="diagnose")
    except OSError as error:
        module.fail_json(msg="Could not ask {0}: {1}".format(params["service"], error))
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    now = time.time()
    module.exit_json(changed=False, answers=[asked(server, params, query, now) for query in params["queries"]])


if __name__ == "__main__":
    main()
