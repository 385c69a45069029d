#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dashboard of Grafana."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboard
short_description: A dashboard of Grafana
version_added: 0.1.0
description:
  - Makes a dashboard, brings it to what its definition says, moves it to a folder, or removes it.
  - Takes classic JSON, exports with C(__inputs), C(__elements) and C(__requires), what the API answers, kind Dashboard
    of any version that Grafana serves, and exports in schema v2.
  - A definition is the whole of a dashboard. What somebody has changed in Grafana is changed back.
  - What Grafana changes while it stores a dashboard does not count as a change, such as a refresh below its minimum or
    blanks around the title.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  definition:
    description:
      - The dashboard. Ansible templates it like any other variable, so one with C({{ }}) in its legends is better read
        from a file (O(path)), or marked with C(!unsafe).
      - Not together with O(path).
    type: dict
  path:
    description:
      - A file on the controller, JSON or YAML, that holds the dashboard. It is never templated.
      - A relative path is looked for as files of a role are.
    type: str
    aliases: [src]
  uid:
    description:
      - Identifier, in place of the one in the definition. Needed for O(state=absent).
      - Where neither has one, it is derived from O(folder_uid) and the title.
    type: str
  folder_uid:
    description:
      - The folder, an empty string for the top.
      - Left out, the dashboard stays where it is, and a new one goes to the folder that kind Dashboard names, else to
        the top.
    type: str
  inputs:
    description: Values of the inputs that an export asks for, by name. For a data source it is its uid.
    type: dict
    default: {}
  overwrite:
    description: Write it even when somebody else changes it at the same time, or when it belongs to a plugin.
    type: bool
    default: false
  commit_message:
    description: Noted in the history of the dashboard, of at most 500 characters.
    type: str
    default: ""
  state:
    description: Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.grafana_dashboards
"""

EXAMPLES = r"""
- name: A dashboard from a file
  obs.stack.grafana_dashboard:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    path: dashboards/shop.json
    folder_uid: shop
    commit_message: "{{ deploy_version }}"

- name: One of grafana.com, downloaded before, with its data source
  obs.stack.grafana_dashboard:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    path: dashboards/node-exporter-full.json
    uid: node-exporter-full
    inputs:
      DS_PROMETHEUS: prometheus-main

- name: Remove one
  obs.stack.grafana_dashboard:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    uid: shop-old
    state: absent
"""

RETURN = r"""
dashboard:
  description: The dashboard as it is, or would be, without its content.
  type: dict
  returned: always
  contains:
    uid:
      description: Its identifier.
      type: str
    title:
      description: Its title.
      type: str
    folder_uid:
      description: The folder it is in, empty at the top.
      type: str
    tags:
      description: Its tags.
      type: list
      elements: str
    version:
      description: Its version, as far as Grafana has told it.
      type: int
    url:
      description: Its page.
      type: str
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

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_dashboard import KIND, Wish, thing_for
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import (
    LONGEST_MESSAGE,
    recognise,
    refuse,
    resolved,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid, derived
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import STATE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, run
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of the options.

    Raises:
        StackError: it cannot be carried out as it stands.
    """
    uid = check_uid(params["uid"], "a dashboard") if params["uid"] else ""
    if params["state"] == "absent":
        if not uid:
            raise refuse("to be removed", "no uid is given", "Give uid.")
        return Wish(uid)
    source = str(params["path"] or "of this task")
    if params["definition"] is None:
        raise refuse(source, "there is no definition", "Give definition or path.")
    if len(params["commit_message"]) > LONGEST_MESSAGE:
        raise refuse(source, "commit_message is longer than {0} characters".format(LONGEST_MESSAGE))
    definition = resolved(recognise(params["definition"], source), params["inputs"])
    folder = params["folder_uid"]
    return Wish(
        uid=uid or definition.uid or derived(folder or "", definition.title),
        definition=definition,
        folder_uid=definition.folder_uid if folder is None else folder,
        overwrite=params["overwrite"],
        message=params["commit_message"],
    )


def main() -> None:
    module = module_of(
        {
            "definition": {"type": "dict"},
            "path": {"type": "str", "aliases": ["src"]},
            "uid": {"type": "str"},
            "folder_uid": {"type": "str"},
            "inputs": {"type": "dict", "default": {}},
            "overwrite": {"type": "bool", "default": False},
            "commit_message": {"type": "str", "default": ""},
            **STATE,
        }
    )
    run(module, lambda client: thing_for(Server(client), wish_of(module.params)), KIND)


if __name__ == "__main__":
    main()
