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
    description: Names of the services.
    type: str
    required: true
  payload:
    description: What is wanted of each service, as base64 of a JSON list, made by the action plugin.
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
results:
  description:
    - What came of each service, see M(obs.stack.release_service), up to the first that failed or whose release has to
      be handed over first (C(need_release)).
  returned: always
  type: list
  elements: dict
  sample: [{changed: true, action: upgrade}]
"""

import base64
import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._deploy_metrics import record
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._masking import MINIMUM_LENGTH
from ansible_collections.obs.stack.plugins.module_utils._transaction import apply
from ansible_collections.obs.stack.plugins.module_utils._wish import Wish


def _one(module: AnsibleModule, wish: Wish) -> dict:
    """Apply one service; its outcome, or its failure."""
    try:
        outcome, masker = apply(wish, check_mode=module.check_mode, with_diff=module._diff)
    except StackError as error:
        return {"failed": True, "msg": str(error), "step": error.step}
    for warning in outcome.warnings:
        module.warn(masker.mask(warning))
    return outcome.to_plain()


def main() -> None:
    """Read the payload, apply one service after the other up to the first that fails, tell the outcomes."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "payload": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    payload = json.loads(base64.b64decode(module.params["payload"]).decode())
    wishes = [Wish.from_plain(one) for one in payload]
    for wish in wishes:
        module.no_log_values.update(word for word in wish.secrets if len(word) >= MINIMUM_LENGTH)
    results: list = []
    for wish in wishes:
        result = _one(module, wish)
        results.append(result)
        if not module.check_mode:
            commit = str(wish.deploy.get("commit") or "")
            told = record(wish.root, wish.name, result, wanted=wish.release.version, state=wish.state, commit=commit)
            if told:
                module.warn(told)
        if result.get("failed") or result.get("need_release"):
            break
    module.exit_json(changed=any(one.get("changed") for one in results), results=results)


if __name__ == "__main__":
    main()
