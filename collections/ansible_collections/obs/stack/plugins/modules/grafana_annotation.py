#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A marker in Grafana's graphs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_annotation
short_description: A marker in Grafana's graphs, such as of a deploy
version_added: 0.1.0
description:
  - Makes an annotation, changes it, or removes it.
  - Grafana itself makes another one each time it is told. Here there is one for each O(key), however often the playbook
    runs; should two runs at the same time make two, the next one leaves only the first.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  key:
    description: What it is told apart by, such as V(shop-1.4.2). It becomes a tag, C(key:) and this.
    type: str
    required: true
  text:
    description: Text. Needed for O(state=present).
    type: str
  tags:
    description: Its other tags, by which dashboards show it. Left out, they stay.
    type: list
    elements: str
  time:
    description:
      - When it was, as ISO 8601, or as seconds or milliseconds of the epoch.
      - Left out, a new one is of now, and another one stays where it is.
    type: str
  time_end:
    description: When it was over, likewise.
    type: str
  dashboard_uid:
    description: The dashboard it belongs to. Left out, it is the organisation's, and dashboards show it by its tags.
    type: str
  panel_id:
    description: The panel of O(dashboard_uid).
    type: int
  state:
    description: Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Mark a deploy, once however many hosts run this
  obs.stack.grafana_annotation:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    key: "shop-{{ shop_version }}"
    text: "shop {{ shop_version }} deployed"
    tags: [deploy, shop]
  run_once: true
"""

RETURN = r"""
annotation:
  description: The annotation as it is, or would be.
  type: dict
  returned: always
  contains:
    id:
      description: Its number, as far as Grafana has told it.
      type: int
    key:
      description: What it is told apart by.
      type: str
    text:
      description: Its text.
      type: str
    tags:
      description: Its tags, that of the key among them.
      type: list
      elements: str
    time:
      description: When it was, in milliseconds of the epoch. Of a new one only if it was given.
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

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_annotation import KIND, Annotation, wish_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import STATE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, run


def main() -> None:
    module = module_of(
        {
            "key": {"type": "str", "required": True, "no_log": False},
            "text": {"type": "str"},
            "tags": {"type": "list", "elements": "str"},
            "time": {"type": "str"},
            "time_end": {"type": "str"},
            "dashboard_uid": {"type": "str"},
            "panel_id": {"type": "int"},
            **STATE,
        },
        required_if=[("state", "present", ["text"])],
    )
    run(module, lambda client: Annotation(client, wish_of(module.params)), KIND)


if __name__ == "__main__":
    main()
