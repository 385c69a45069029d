#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Grafana an owner's sync has made."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboards_info
short_description: What of Grafana an owner's sync has made
version_added: 0.1.0
description:
  - Tells the dashboards and folders that M(obs.stack.grafana_dashboards) has made for an owner, and so what its pruning
    may look at.
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
  owner:
    description: The owner.
    type: str
    required: true
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: See what belongs to a repository
  obs.stack.grafana_dashboards_info:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    owner: shop-dashboards
  register: owned
"""

RETURN = r"""
dashboards:
  description: Dashboards with the owner's tag.
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
    proven:
      description: Whether its second tag proves that the sync has made it. A copy that somebody made is not.
      type: bool
folders:
  description: Folders that its trees have made, likewise with uid, title and folder_uid.
  type: list
  elements: dict
  returned: always
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import folder_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import (
    check_owner,
    is_folder_of,
    proven,
    tags_of,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_prune import search
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell


def owned(client: Client, owner: str) -> dict[str, t.Any]:
    """What belongs to an owner."""
    errand = Errand("search for", "dashboards of the owner", check_owner(owner))
    dashboards = [
        {**_place(hit), "proven": proven(owner, str(hit["uid"]), hit.get("tags") or [])}
        for hit in search(client, errand, type="dash-db", tag=tags_of(owner, "")[0])
    ]
    folders = [
        _place(hit) for hit in search(client, errand, type="dash-folder") if is_folder_of(owner, str(hit["uid"]))
    ]
    return {"dashboards": dashboards, "folders": folders}


def _place(hit: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"uid": hit["uid"], "title": hit.get("title", ""), "folder_uid": folder_of(hit.get("folderUid"))}


def main() -> None:
    module = module_of({"owner": {"type": "str", "required": True}})
    tell(module, lambda client: owned(client, module.params["owner"]))


if __name__ == "__main__":
    main()
