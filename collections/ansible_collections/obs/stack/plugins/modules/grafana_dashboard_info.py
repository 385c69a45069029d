#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dashboards of Grafana as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboard_info
short_description: Dashboards of Grafana as they are
version_added: 0.1.0
description:
  - Tells one dashboard with its definition by its uid, or those that a search finds.
  - A search can be behind what was just written.
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
    description: The one dashboard. There is none in the answer when it is not there.
    type: str
  query:
    description: Part of the title.
    type: str
    default: ""
  tags:
    description: Tags that they have all of.
    type: list
    elements: str
    default: []
  folder_uid:
    description: The folder they are in, an empty string for the top.
    type: str
  definitions:
    description: Whether the definition of each one that is found is told as well. It is for O(uid).
    type: bool
    default: false
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Bring a dashboard home
  obs.stack.grafana_dashboard_info:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    uid: shop
  register: found

- name: Write it down
  ansible.builtin.copy:
    content: "{{ found.dashboards[0].definition | ansible.builtin.to_nice_json }}"
    dest: dashboards/shop.json
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
dashboards:
  description: The dashboards.
  type: list
  elements: dict
  returned: always
  contains:
    uid:
      description: Identifier.
      type: str
    title:
      description: Title.
      type: str
    folder_uid:
      description: The folder it is in, empty at the top.
      type: str
    tags:
      description: Tags.
      type: list
      elements: str
    url:
      description: Its page.
      type: str
    version:
      description: Its version, with the definition.
      type: int
    updated_by:
      description: Who wrote it last, with the definition.
      type: str
    provisioned_from:
      description: The file of provisioning it comes from, with the definition; empty for none.
      type: str
    definition:
      description: The dashboard, without what Grafana writes into it itself.
      type: dict
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import KIND, folder_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import page, part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import canonical
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_prune import search
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell


def one(client: Client, uid: str) -> dict[str, t.Any] | None:
    """A dashboard with its definition."""
    found = client.get("/api/dashboards/uid/" + part(uid), Errand("read", KIND, uid), absent=(404,))
    if found is None:
        return None
    spec, meta = found["dashboard"], found["meta"]
    return {
        "uid": uid,
        "title": spec.get("title", ""),
        "folder_uid": folder_of(meta.get("folderUid")),
        "tags": list(spec.get("tags") or []),
        "url": page(client.access.url, str(meta.get("url") or "")),
        "version": meta.get("version"),
        "updated_by": str(meta.get("updatedBy") or ""),
        "provisioned_from": str(meta.get("provisionedExternalId") or ""),
        "definition": {"uid": uid, **canonical(spec)},
    }


def several(client: Client, params: t.Mapping[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Dashboards that a search finds."""
    query: dict[str, t.Any] = {"type": "dash-db", "query": params["query"], "tag": params["tags"]}
    if params["folder_uid"] is not None:
        query["folderUIDs"] = params["folder_uid"] or "general"
    for hit in search(client, Errand("search for", "dashboards"), **query):
        if not set(params["tags"]) <= set(hit.get("tags") or []):
            continue
        told = one(client, hit["uid"]) if params["definitions"] else None
        yield told or {
            "uid": hit["uid"],
            "title": hit.get("title", ""),
            "folder_uid": folder_of(hit.get("folderUid")),
            "tags": list(hit.get("tags") or []),
            "url": page(client.access.url, str(hit.get("url") or "")),
        }


def main() -> None:
    module = module_of(
        {
            "uid": {"type": "str"},
            "query": {"type": "str", "default": ""},
            "tags": {"type": "list", "elements": "str", "default": []},
            "folder_uid": {"type": "str"},
            "definitions": {"type": "bool", "default": False},
        }
    )

    def ask(client: Client) -> dict[str, t.Any]:
        uid = module.params["uid"]
        return {
            "dashboards": [found for found in [one(client, uid)] if found]
            if uid
            else list(several(client, module.params))
        }

    tell(module, ask)


if __name__ == "__main__":
    main()
