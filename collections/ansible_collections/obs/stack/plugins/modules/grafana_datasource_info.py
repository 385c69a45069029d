#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data sources of Grafana as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_datasource_info
short_description: Data sources of Grafana as they are
version_added: 0.1.0
description: Tells one data source by its uid or name, or all of them, and whether each reaches what it asks.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  uid:
    description: The one data source. There is none in the answer when it is not there.
    type: str
  name:
    description: The same by name.
    type: str
  health:
    description: Whether Grafana is to ask each whether it is well.
    type: bool
    default: false
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Ask every data source whether it is well
  obs.stack.grafana_datasource_info:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    health: true
  register: sources
  failed_when: sources.datasources | selectattr('health.status', 'eq', 'ERROR') | list | length > 0
"""

RETURN = r"""
datasources:
  description: The data sources in Grafana's keys. Of a secret it tells only that it is set.
  type: list
  elements: dict
  returned: always
  contains:
    uid:
      description: Identifier.
      type: str
    name:
      description: Name.
      type: str
    type:
      description: Identifier of its plugin.
      type: str
    jsonData:
      description: Its settings, without our fingerprints of secrets.
      type: dict
    secureJsonData:
      description: Its secrets, each as V((set\)).
      type: dict
    readOnly:
      description: Whether it comes from a file of provisioning.
      type: bool
    health:
      description: With O(health), its status, V(OK), V(ERROR) or V(UNKNOWN), and its message.
      type: dict
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource import THING, told_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell


def health(client: Client, uid: str) -> dict[str, str]:
    """What Grafana says of a data source's health. What it cannot judge is unknown."""
    try:
        found = client.get("/api/datasources/uid/{0}/health".format(part(uid)), Errand("ask", THING, uid))
    except Refusal as refusal:
        return {"status": "ERROR" if refusal.status == 400 else "UNKNOWN", "message": refusal.said}
    return {"status": str(found.get("status") or "UNKNOWN"), "message": str(found.get("message") or "")}


def sources(client: Client, params: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The data sources that are asked for."""
    errand = Errand("read", THING, params["uid"] or params["name"] or "")
    uids = [params["uid"]]
    if not params["uid"]:
        # The list lacks what is secret and the version: each is asked for by its uid.
        listed = client.get("/api/datasources", errand)
        uids = [one["uid"] for one in listed if params["name"] in (None, one["name"])]
    found = [client.get("/api/datasources/uid/" + part(uid), errand, absent=(404,)) for uid in uids]
    told = [told_of(source) for source in found if source is not None]
    if params["health"]:
        for one in told:
            one["health"] = health(client, one["uid"])
    return told


def main() -> None:
    module = module_of(
        {"uid": {"type": "str"}, "name": {"type": "str"}, "health": {"type": "bool", "default": False}},
        mutually_exclusive=[["uid", "name"]],
    )
    tell(module, lambda client: {"datasources": sources(client, module.params)})


if __name__ == "__main__":
    main()
