#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder of Grafana."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_folder
short_description: A folder of Grafana
version_added: 0.1.0
description:
  - Makes a folder, renames it, moves it below another, sets its permissions, or removes it.
  - What is left out stays as it is.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  title:
    description: Title. Needed for O(state=present); without O(uid) it also finds the folder.
    type: str
    aliases: [name]
  uid:
    description:
      - Identifier, of at most 40 letters, digits, hyphens and underscores. It stays when the title changes.
      - Without it the folder is the one of that O(title) below O(parent_uid), and a new one gets an identifier that
        is derived from both.
    type: str
  parent_uid:
    description: The folder it is in, an empty string for the top. Another one moves it; left out, it stays where it is.
    type: str
  permissions:
    description:
      - Who may do what in it. The list is the whole of it; what a parent gives is not in it.
      - Left out, permissions are not looked at. An empty list leaves the folder to administrators.
    type: list
    elements: dict
    suboptions:
      role:
        description: Everybody of that role.
        type: str
        choices: [Viewer, Editor]
      team:
        description: The team of that name.
        type: str
      user:
        description: The user of that login.
        type: str
      permission:
        description: What they may do.
        type: str
        required: true
        choices: [view, edit, admin]
  force:
    description: With O(state=absent), remove the folder with all folders, dashboards and alert rules in it.
    type: bool
    default: false
  state:
    description: Whether it is to be there. A folder that holds something is only removed with O(force).
    type: str
    choices: [present, absent]
    default: present
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Make the folder of a team, which it alone may change
  obs.stack.grafana_folder:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    uid: shop
    title: Shop
    permissions:
      - {team: shop, permission: edit}
      - {role: Viewer, permission: view}

- name: Write the connection once, for all of the group
  module_defaults:
    group/obs.stack.grafana:
      url: https://grafana.example.com
      grafana_api_key: "{{ grafana_token }}"
  block:
    - name: Move a folder below another
      obs.stack.grafana_folder:
        uid: shop-payments
        title: Payments
        parent_uid: shop

    - name: Remove one that is empty
      obs.stack.grafana_folder:
        uid: shop-old
        state: absent
"""

RETURN = r"""
folder:
  description: The folder as it is, or would be.
  type: dict
  returned: always
  contains:
    uid:
      description: Its identifier.
      type: str
    title:
      description: Its title.
      type: str
    parent_uid:
      description: The folder it is in, empty at the top.
      type: str
    permissions:
      description: Who may do what, such as V(team ops) and V(edit); only with O(permissions).
      type: dict
    url:
      description: Its page.
      type: str
    version:
      description: Its version, as far as Grafana has told it.
      type: int
uid:
  description: Its identifier.
  type: str
  returned: always
  sample: shop
url:
  description: Its page, empty when it is not there.
  type: str
  returned: always
"""

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_folder import KIND, Folder, wish_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import STATE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, run


def main() -> None:
    module = module_of(
        {
            "title": {"type": "str", "aliases": ["name"]},
            "uid": {"type": "str"},
            "parent_uid": {"type": "str"},
            "permissions": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "role": {"type": "str", "choices": ["Viewer", "Editor"]},
                    "team": {"type": "str"},
                    "user": {"type": "str"},
                    "permission": {"type": "str", "required": True, "choices": ["view", "edit", "admin"]},
                },
            },
            "force": {"type": "bool", "default": False},
            **STATE,
        },
        required_if=[("state", "present", ["title"])],
        required_one_of=[("title", "uid")],
    )
    run(module, lambda client: Folder(client, wish_of(module.params)), KIND)


if __name__ == "__main__":
    main()
