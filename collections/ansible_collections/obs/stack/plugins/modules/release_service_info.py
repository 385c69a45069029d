#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_service_info
short_description: List the services of a host, their generations, and what runs
version_added: "0.1.0"
description:
  - The audit trail of a host. For each service that M(obs.stack.release_service) manages it tells every generation,
    when it was made and what became of it, which one is current, and whether the running process is that one.
  - Changes nothing and shows no secrets.
author:
  - obs.stack contributors (@obs-stack)
options:
  name:
    description: Names of services; all services of the host when left out.
    type: list
    elements: str
    default: []
  root:
    description: Folder that holds the services.
    type: path
    default: /opt/obs
extends_documentation_fragment:
  - obs.stack.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
seealso:
  - module: obs.stack.release_service
  - module: obs.stack.release_service_rollback
"""

EXAMPLES = r"""
- name: See what runs
  obs.stack.release_service_info:
  register: result

- name: Show one line a service
  ansible.builtin.debug:
    msg: "{{ item.name }} {{ item.version }} generation {{ item.generation }} current={{ item.running_is_current }}"
  loop: "{{ result.services }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
services:
  description: One entry a service, sorted by name.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Service and unit name.
      type: str
      sample: prometheus
    version:
      description: Version of the current generation, empty when none is installed.
      type: str
      sample: 3.13.5
    generation:
      description: Number of the current generation, 0 when none is installed.
      type: int
      sample: 4
    active:
      description: Whether the unit runs.
      type: bool
    enabled:
      description: Whether it starts at boot.
      type: bool
    since:
      description: Since when it runs, as systemd writes it.
      type: str
    pid:
      description: Main process, 0 when it does not run.
      type: int
    running_release:
      description: Release folder the running executable is from.
      type: str
      sample: 3.13.5-4c0ffee1
    running_is_current:
      description: Whether the running process was started from the current generation.
      type: bool
    owed:
      description: What an interrupted run left to do, empty when nothing.
      type: str
    hold:
      description: Who holds the service back by a rollback, since when and where; empty when nobody does.
      type: dict
    generations:
      description: All generations on disk, newest first.
      type: list
      elements: dict
      contains:
        number:
          description: Number of the generation.
          type: int
        version:
          description: Version of its release.
          type: str
        created:
          description: When it was staged (UTC).
          type: str
        committed:
          description: When it was last proven (UTC), empty when it never was.
          type: str
        state:
          description: V(staged), V(committed) or V(failed).
          type: str
        failure:
          description: Why it failed, empty otherwise.
          type: str
        current:
          description: Whether it is the current one.
          type: bool
        digest:
          description: Digest of binary, configuration, argv and environment together.
          type: str
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._inspect import inspect
from ansible_collections.obs.stack.plugins.module_utils._layout import NAME, NOTHING, Layout
from ansible_collections.obs.stack.plugins.module_utils._process import executable_of
from ansible_collections.obs.stack.plugins.module_utils._stage import load_generation
from ansible_collections.obs.stack.plugins.module_utils._switch import release_of_process


def generations_of(layout: Layout, current: int) -> list[dict[str, Any]]:
    """All generations of a service, newest first; a damaged one is listed as such."""
    found = []
    for number in reversed(layout.generation_numbers()):
        entry: dict[str, Any] = {"number": number, "current": number == current}
        try:
            generation = load_generation(layout, number)
        except StackError as error:
            entry.update(version="", created="", committed="", state="damaged", failure=error.why, digest="")
        else:
            manifest = generation.manifest
            entry.update(
                version=generation.version,
                created=manifest.get("created", ""),
                committed=manifest.get("committed", ""),
                state=manifest.get("state", ""),
                failure=manifest.get("failure", ""),
                digest=generation.digest,
            )
        found.append(entry)
    return found


def describe(layout: Layout) -> dict[str, Any]:
    """One service as the module returns it."""
    host = inspect(layout)
    current = host.current
    number = current.number if current else NOTHING
    owed = ""
    if host.pending:
        owed = (
            f"prove generation {number}"
            if host.found.unproven
            else "generation {} was not reached".format(host.pending.get("to"))
        )
    return {
        "name": layout.name,
        "version": current.version if current else "",
        "generation": number,
        "active": host.unit.is_active,
        "enabled": host.unit.is_enabled,
        "since": host.unit.since if host.unit.is_active else "",
        "pid": host.unit.main_pid,
        "running_release": release_of_process(executable_of(host.unit.main_pid), layout) if host.unit.main_pid else "",
        "running_is_current": bool(current and host.unit.is_active and host.found.running_key == current.restart_key),
        "owed": owed,
        "hold": dict(host.hold),
        "generations": generations_of(layout, number),
    }


def main() -> None:
    """List the services."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/opt/obs"},
        },
        supports_check_mode=True,
    )
    root = module.params["root"]
    try:
        there = sorted(
            name for name in os.listdir(root) if NAME.match(name) and os.path.isdir(os.path.join(root, name))
        )
    except FileNotFoundError:
        there = []
    wanted = module.params["name"] or there
    try:
        services = [describe(Layout(root=root, name=name)) for name in wanted if name in there]
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    module.exit_json(changed=False, services=services)


if __name__ == "__main__":
    main()
