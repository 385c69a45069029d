#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of Grafana as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_folder_info
short_description: Folders of Grafana as they are
version_added: 0.1.0
description: Tells one folder by its uid, or those below another.
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
    description: The one folder. There is none in the answer when it is not there.
    type: str
  parent_uid:
    description: The folder whose folders are told, an empty string for the top.
    type: str
    default: ""
  recursive:
    description: Whether those below them are told as well.
    type: bool
    default: false
  permissions:
    description: Whether to tell who may do what in O(uid).
    type: bool
    default: false
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Look at the whole tree
  obs.stack.grafana_folder_info:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    recursive: true
  register: tree
"""

RETURN = r"""
folders:
  description: The folders.
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
    parent_uid:
      description: The folder it is in, empty at the top.
      type: str
    permissions:
      description: Who may do what, with O(permissions).
      type: dict
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_folder import KIND, children, form_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import part
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell


def folders(client: Client, params: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The folders that are asked for."""
    uid = params["uid"]
    errand = Errand("read", KIND, uid or params["parent_uid"])
    if uid:
        path = "/api/folders/" + part(uid)
        found = client.get(path, errand, absent=(404,))
        rights = client.get(path + "/permissions", errand) if found and params["permissions"] else None
        return [form_of(found, rights)] if found else []
    told = []
    waiting = [params["parent_uid"]]
    while waiting:
        parent = waiting.pop(0)
        for one in children(client, parent, errand):
            told.append(form_of({**one, "parentUid": parent}))
            if params["recursive"]:
                waiting.append(one["uid"])
    return told


def main() -> None:
    module = module_of(
        {
            "uid": {"type": "str"},
            "parent_uid": {"type": "str", "default": ""},
            "recursive": {"type": "bool", "default": False},
            "permissions": {"type": "bool", "default": False},
        }
    )
    tell(module, lambda client: {"folders": folders(client, module.params)})


if __name__ == "__main__":
    main()
