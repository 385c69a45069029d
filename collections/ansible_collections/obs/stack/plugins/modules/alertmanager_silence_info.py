#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silences of Alertmanager, as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alertmanager_silence_info
short_description: Silences of Alertmanager
version_added: 0.1.0
description:
  - Lists silences, also those that M(obs.stack.alertmanager_silence) did not make. Those that end first come first.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.by_url]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
options:
  alertmanager_urls:
    description: Addresses of the members of a cluster, tried in turn until one answers.
    type: list
    elements: str
    required: true
  name:
    description: Only those of this name.
    type: str
    default: ""
  states:
    description: Only those that are in one of these states. Expired ones are kept for a while, 120 hours by default.
    type: list
    elements: str
    choices: [active, pending, expired]
    default: [active, pending]
seealso:
  - module: obs.stack.alertmanager_silence
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: What is held back now
  obs.stack.alertmanager_silence_info:
    alertmanager_urls: [http://am-a.example.com:9093, http://am-b.example.com:9093]
    states: [active]
  register: result

- name: Who holds it back, and until when
  ansible.builtin.debug:
    msg: "{{ item.created_by }} until {{ item.ends_at }}: {{ item.comment }}"
  loop: "{{ result.silences }}"
  loop_control:
    label: "{{ item.id }}"
"""

RETURN = r"""
silences:
  description: One entry for each silence.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Alertmanager's own name of it.
      type: str
    name:
      description: Its name, empty for one that M(obs.stack.alertmanager_silence) did not make.
      type: str
    state:
      description: V(active), V(pending) before its start, or V(expired).
      type: str
    matchers:
      description: The alerts that it holds back, each with C(name), C(value), C(isEqual) and C(isRegex).
      type: list
      elements: dict
    starts_at:
      description: When it starts, or started, in UTC.
      type: str
    ends_at:
      description: When it ends, or ended, likewise.
      type: str
    comment:
      description: Its comment.
      type: str
    created_by:
      description: Its author.
      type: str
url:
  description: The member that was asked.
  type: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _silence
from ansible_collections.obs.stack.plugins.module_utils._alertmanager import alertmanager_at
from ansible_collections.obs.stack.plugins.module_utils._by_url import URL_EXCLUSIVE, URL_OPTIONS
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "alertmanager_urls": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "states": {
                "type": "list",
                "elements": "str",
                "choices": ["active", "pending", "expired"],
                "default": ["active", "pending"],
            },
            **URL_OPTIONS,
        },
        mutually_exclusive=URL_EXCLUSIVE,
        supports_check_mode=True,
    )
    options = module.params
    try:
        alertmanager = alertmanager_at(options)
        silences = [_silence.told(one) for one in alertmanager.silences()]
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    found = [one for one in silences if one["state"] in options["states"] and options["name"] in ("", one["name"])]
    found.sort(key=lambda one: (one["ends_at"], one["id"]))
    module.exit_json(changed=False, silences=found, url=alertmanager.url)


if __name__ == "__main__":
    main()
