#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_service_apply
short_description: Host half of obs.stack.release_service
version_added: "0.1.0"
description:
  - Carries out on the host what M(obs.stack.release_service) asks for. Use that one.
  - It is a module of its own so that everything a task says crosses as one opaque argument, which neither the journal
    of the host nor C(-vvv) can show.
author:
  - obs.stack contributors (@obs-stack)
options:
  name:
    description: Name of the service.
    type: str
    required: true
  payload:
    description: What is wanted, as base64 of JSON, made by the action plugin.
    type: str
    required: true
extends_documentation_fragment:
  - obs.stack.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: obs.stack.release_service
"""

EXAMPLES = r"""
- name: Use the action instead
  obs.stack.release_service:
    name: prometheus
    state: absent
"""

RETURN = r"""
action:
  description: What was done, see M(obs.stack.release_service).
  returned: success
  type: str
  sample: upgrade
need_release:
  description: The archive that has to be handed over before the change can be made.
  returned: when the release is not on the host
  type: dict
"""

import base64
import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._masking import MINIMUM_LENGTH
from ansible_collections.obs.stack.plugins.module_utils._transaction import apply
from ansible_collections.obs.stack.plugins.module_utils._wish import Wish


def main() -> None:
    """Read the payload, apply it, tell the outcome."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "payload": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    wish = Wish.from_plain(json.loads(base64.b64decode(module.params["payload"]).decode()))
    module.no_log_values.update(word for word in wish.secrets if len(word) >= MINIMUM_LENGTH)
    try:
        outcome, masker = apply(wish, check_mode=module.check_mode, with_diff=module._diff)
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step, service=wish.name)
    for warning in outcome.warnings:
        module.warn(masker.mask(warning))
    module.exit_json(**outcome.to_plain())


if __name__ == "__main__":
    main()
