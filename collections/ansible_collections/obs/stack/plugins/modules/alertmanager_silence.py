#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A silence of Alertmanager that has a name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alertmanager_silence
short_description: A silence of Alertmanager, made once, renewed and lifted by its name
version_added: 0.1.0
description:
  - Makes a silence, changes it, renews it, or lifts it.
  - Alertmanager itself makes another one each time it is told. Here there is one for each O(name), however often the
    playbook runs. The name stands in the comment as C([obs:name]); a silence without it, made by somebody else, is
    never touched.
  - A silence always ends by itself, by O(duration) or O(ends_at), also when the run that made it is cut off.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.by_url]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
    details: With O(duration), a run changes nothing as long as O(renew_before) of it is left.
options:
  alertmanager_urls:
    description:
      - Addresses of the members of a cluster, each with its path prefix, without C(/api).
      - They are tried in turn until one answers. One is told; it tells the others.
    type: list
    elements: str
    required: true
  name:
    description: What it is told apart by. No brackets.
    type: str
    required: true
  matchers:
    description: >-
      The alerts that are held back, those that match all of these. Needed for O(state=present). Other matchers make
      another silence in the place of the first one.
    type: list
    elements: dict
    suboptions:
      name:
        description: A label.
        type: str
        required: true
      value:
        description: Its value, or a regular expression for the whole of it.
        type: str
        required: true
      isEqual:
        description: Whether it must match; otherwise it must not.
        type: bool
        default: true
        aliases: [is_equal]
      isRegex:
        description: Whether O(matchers[].value) is a regular expression.
        type: bool
        default: false
        aliases: [is_regex]
  duration:
    description:
      - How long it holds from now, such as V(30m), V(1h30m) or V(2d).
      - One that would end later than that is shortened.
    type: str
  renew_before:
    description: When less than this is left of it, it is renewed for another O(duration). Half of that without it.
    type: str
  starts_at:
    description: >-
      Start of a window, as ISO 8601 (UTC where it names no zone), or as seconds of the epoch. Without it, a silence
      with O(ends_at) starts at once.
    type: str
  ends_at:
    description: >-
      End of a window, likewise, in place of O(duration). When it has passed, nothing is made, with a warning.
    type: str
  comment:
    description: Why. The name is added to it.
    type: str
    default: ""
  created_by:
    description: Who is named as its author.
    type: str
    default: obs.stack
  state:
    description: V(present) holds alerts back, V(absent) lifts the silence.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: obs.stack.alertmanager_silence_info
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Work on a database without paging anybody
  block:
    - name: Hold its alerts back
      obs.stack.alertmanager_silence:
        alertmanager_urls: [http://am-a.example.com:9093, http://am-b.example.com:9093]
        name: upgrade-postgres
        matchers:
          - {name: job, value: postgres}
          - {name: host, value: "db-[12]", isRegex: true}
        duration: 1h
        comment: Upgrade to 17
      delegate_to: localhost
      run_once: true

    - name: Do the work
      ansible.builtin.import_tasks: upgrade.yml
  always:
    - name: Let them through again
      obs.stack.alertmanager_silence:
        alertmanager_urls: [http://am-a.example.com:9093, http://am-b.example.com:9093]
        name: upgrade-postgres
        state: absent
      delegate_to: localhost
      run_once: true

- name: A window that is known beforehand
  obs.stack.alertmanager_silence:
    alertmanager_urls: [https://alertmanager.example.com/am]
    url_username: ci
    url_password: "{{ vault_alertmanager_password }}"
    name: network-2026-12-01
    matchers: [{name: site, value: berlin}]
    starts_at: 2026-12-01T22:00:00+01:00
    ends_at: 2026-12-02T02:00:00+01:00
"""

RETURN = r"""
silence:
  description: The silence as it is, or would be, or as it was when it was lifted. Empty where there was none to lift.
  type: dict
  returned: success
  contains:
    id:
      description: Alertmanager's own name of it. Empty in check mode for one that would be made.
      type: str
    name:
      description: What it is told apart by.
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
      sample: "2026-12-01T21:00:00.000Z"
    ends_at:
      description: When it ends, likewise.
      type: str
      sample: "2026-12-02T01:00:00.000Z"
    comment:
      description: Its comment, with the name.
      type: str
    created_by:
      description: Its author.
      type: str
url:
  description: The member that was asked.
  type: str
  returned: success
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _silence
from ansible_collections.obs.stack.plugins.module_utils._alertmanager import Alertmanager, alertmanager_at
from ansible_collections.obs.stack.plugins.module_utils._by_url import URL_EXCLUSIVE, URL_OPTIONS
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan


def apply(
    alertmanager: Alertmanager, plan: Plan, found: t.Sequence[_silence.Silence], wish: _silence.Wish, now: float
) -> dict[str, t.Any]:
    """Make it so; how the silence is then.

    Raises:
        StackError: Alertmanager refused, or did not answer.
    """
    if plan.after is None:
        for one in found:
            alertmanager.expire(one, wish.name)
        return {**_silence.told(found[0]), "state": _silence.EXPIRED}
    made = alertmanager.put(_silence.posted(plan.after, found[0] if found else None, now), wish.name)
    # Only now: at no moment is there none.
    for one in found[1:]:
        alertmanager.expire(one, wish.name)
    return _silence.told(made)


def foretold(plan: Plan, found: t.Sequence[_silence.Silence], wish: _silence.Wish, now: float) -> dict[str, t.Any]:
    """The silence as it is, or would be."""
    if plan.after is None:
        return {**_silence.told(found[0]), "state": _silence.EXPIRED} if found else {}
    form = {key: value for key, value in plan.after.items() if key != "copies"}
    state = _silence.ACTIVE if _silence.seconds_at(form["starts_at"]) <= now else _silence.PENDING
    return {"id": found[0]["id"] if found else "", "name": wish.name, "state": state, **form}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "alertmanager_urls": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "required": True},
            "matchers": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "value": {"type": "str", "required": True},
                    "isEqual": {"type": "bool", "default": True, "aliases": ["is_equal"]},
                    "isRegex": {"type": "bool", "default": False, "aliases": ["is_regex"]},
                },
            },
            "duration": {"type": "str"},
            "renew_before": {"type": "str"},
            "starts_at": {"type": "str"},
            "ends_at": {"type": "str"},
            "comment": {"type": "str", "default": ""},
            "created_by": {"type": "str", "default": "obs.stack"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **URL_OPTIONS,
        },
        mutually_exclusive=[["duration", "ends_at"], ["duration", "starts_at"], *URL_EXCLUSIVE],
        required_by={"starts_at": ["ends_at"], "renew_before": ["duration"]},
        required_if=[("state", "present", ["matchers"]), ("state", "present", ["duration", "ends_at"], True)],
        supports_check_mode=True,
    )
    now = time.time()
    try:
        wish = _silence.wish_of(module.params)
        alertmanager = alertmanager_at(module.params)
        found = _silence.living(alertmanager.silences(), wish)
        plan = _silence.planned(found, wish, now)
        silence = foretold(plan, found, wish, now)
        if plan.changed and not module.check_mode:
            silence = apply(alertmanager, plan, found, wish, now)
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    if _silence.over(wish, now):
        module.warn("Silence '{0}' was not made: its window has passed.".format(wish.name))
    module.exit_json(changed=plan.changed, diff=plan.diff(_silence.KIND), silence=silence, url=alertmanager.url)


if __name__ == "__main__":
    main()
