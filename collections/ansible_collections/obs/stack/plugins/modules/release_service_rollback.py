#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_service_rollback
short_description: Put a service back to an earlier generation and hold it there
version_added: "0.1.0"
description:
  - Switches a service of M(obs.stack.release_service) to a generation that is still on the host, binary and
    configuration together, checked and probed like any other change, and restored when it does not get ready.
  - Notes who did it and when. The wish that was rolled back from is then skipped with a warning by later runs, until it
    changes or the hold is lifted.
author:
  - obs.stack contributors (@obs-stack)
options:
  name:
    description: Name of the service.
    type: str
    required: true
  to:
    description: V(previous) for the newest proven generation older than the current one, or the number of a generation.
    type: str
    default: previous
  state:
    description:
      - V(held) goes back and holds.
      - V(lifted) only lifts the hold; the next run of M(obs.stack.release_service) then applies its wish again.
    type: str
    choices: [held, lifted]
    default: held
  by:
    description: Who asks for it, for the note. The login that runs Ansible on the host when left out.
    type: str
    default: ""
  force:
    description: Go back even where the data may not be readable by the older version.
    type: bool
    default: false
  root:
    description: Folder that holds the services.
    type: path
    default: /opt/obs
  lock_timeout:
    description: Seconds to wait for another run on the same service.
    type: int
    default: 60
extends_documentation_fragment:
  - obs.stack.attributes
  - obs.stack.deploy
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: V(previous) means another generation each time unless a hold is already in place, which is then kept.
seealso:
  - module: obs.stack.release_service
  - module: obs.stack.release_service_info
"""

EXAMPLES = r"""
- name: Go back to the generation before
  obs.stack.release_service_rollback:
    name: prometheus
    by: night shift

- name: Go back to a named generation
  obs.stack.release_service_rollback:
    name: prometheus
    to: "4"

- name: Let the next run apply the inventory again
  obs.stack.release_service_rollback:
    name: prometheus
    state: lifted
"""

RETURN = r"""
from:
  description: Version and generation before.
  returned: success
  type: dict
to:
  description: Version and generation after.
  returned: success
  type: dict
hold:
  description: The note of the hold, empty when there is none.
  returned: success
  type: dict
reloaded:
  description: Whether the service was reloaded.
  returned: success
  type: bool
restarted:
  description: Whether the service was restarted.
  returned: success
  type: bool
"""

import getpass
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._deploy_metrics import record
from ansible_collections.obs.stack.plugins.module_utils._deploy_option import DEPLOY
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._rollback import lift, roll_back


def main() -> None:
    """Go back, or lift the hold."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "to": {"type": "str", "default": "previous"},
            "state": {"type": "str", "choices": ["held", "lifted"], "default": "held"},
            "by": {"type": "str", "default": ""},
            "force": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/opt/obs"},
            "lock_timeout": {"type": "int", "default": 60},
            "deploy": DEPLOY,
        },
        supports_check_mode=True,
    )
    params = module.params
    by = params["by"] or os.environ.get("SUDO_USER") or getpass.getuser()
    try:
        if params["state"] == "lifted":
            result = lift(params["root"], params["name"], check_mode=module.check_mode, patience=params["lock_timeout"])
        else:
            result = roll_back(
                params["root"],
                params["name"],
                to=params["to"],
                by=by,
                force=params["force"],
                check_mode=module.check_mode,
                patience=params["lock_timeout"],
                deploy=params["deploy"] or {},
                warn=module.warn,
            )
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    if not module.check_mode and params["state"] == "held":
        told = record(params["root"], params["name"], result, wanted="", state="started")
        if told:
            module.warn(told)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
