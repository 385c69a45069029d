#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Markers in Grafana's graphs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_annotation_info
short_description: Markers in Grafana's graphs
version_added: 0.1.0
description: Tells annotations by key, tags, dashboard and time, the newest first.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  key:
    description: The key of M(obs.stack.grafana_annotation).
    type: str
  tags:
    description: Tags that they have all of.
    type: list
    elements: str
    default: []
  dashboard_uid:
    description: The dashboard they belong to.
    type: str
  time_from:
    description: The earliest, as ISO 8601, or as seconds or milliseconds of the epoch.
    type: str
  time_to:
    description: The latest, likewise.
    type: str
  limit:
    description: How many at most.
    type: int
    default: 100
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: The last ten deploys
  obs.stack.grafana_annotation_info:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    tags: [deploy]
    limit: 10
  register: deploys
"""

RETURN = r"""
annotations:
  description: The annotations.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Number.
      type: int
    key:
      description: Key, empty when it has none.
      type: str
    text:
      description: Text.
      type: str
    tags:
      description: Tags.
      type: list
      elements: str
    time:
      description: When it was, in milliseconds of the epoch.
      type: int
    time_end:
      description: When it was over, likewise.
      type: int
    dashboard_uid:
      description: The dashboard it belongs to, or nothing.
      type: str
    panel_id:
      description: The panel, 0 for none.
      type: int
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_annotation import KEY, KIND, form_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds


def found_by(client: Client, params: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The annotations that are asked for."""
    tags = list(params["tags"]) + ([KEY + params["key"]] if params["key"] else [])
    query = [("tags", tag) for tag in tags] + [("type", KIND), ("limit", params["limit"])]
    if params["dashboard_uid"]:
        query.append(("dashboardUID", params["dashboard_uid"]))
    for name, option in (("from", "time_from"), ("to", "time_to")):
        when = milliseconds(params[option], option)
        if when is not None:
            query.append((name, when))
    found = client.get("/api/annotations", Errand("read", KIND), query=query)
    told = []
    for item in sorted(found, key=lambda one: (-int(one.get("time") or 0), -int(one["id"]))):
        key = next((str(tag)[len(KEY) :] for tag in item.get("tags") or [] if str(tag).startswith(KEY)), "")
        told.append({**form_of(item), "id": item["id"], "key": key})
    return told


def main() -> None:
    module = module_of(
        {
            "key": {"type": "str", "no_log": False},
            "tags": {"type": "list", "elements": "str", "default": []},
            "dashboard_uid": {"type": "str"},
            "time_from": {"type": "str"},
            "time_to": {"type": "str"},
            "limit": {"type": "int", "default": 100},
        }
    )
    tell(module, lambda client: {"annotations": found_by(client, module.params)})


if __name__ == "__main__":
    main()
