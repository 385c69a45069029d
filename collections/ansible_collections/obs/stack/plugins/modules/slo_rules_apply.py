#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host half of slo_rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slo_rules_apply
short_description: Host half of obs.stack.slo_rules
version_added: 0.1.0
description:
  - Checks rules files, puts them into a folder, and has Prometheus load them. Called by M(obs.stack.slo_rules), which
    makes the rules; not for use in playbooks.
extends_documentation_fragment: [obs.stack.attributes]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  dest:
    description: Folder of the rules.
    type: path
    required: true
  payload:
    description: Options and rules, compressed and in base64, made by the action plugin.
    type: str
    required: true
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.slo_rules
"""

EXAMPLES = r"""
- name: Use the action instead
  obs.stack.slo_rules:
    src: slos
"""

RETURN = r"""
written:
  description: Files that were written, or would be; the other values as of M(obs.stack.slo_rules).
  type: list
  elements: str
  returned: success
"""

import base64
import json
import zlib

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._slo_apply import apply


def main() -> None:
    """Read the payload, apply it, tell the outcome."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "payload": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    payload = json.loads(zlib.decompress(base64.b64decode(module.params["payload"])).decode())
    options = payload["options"]
    if options["url_password"]:
        module.no_log_values.add(options["url_password"])
    try:
        outcome = apply(options, payload["files"], check_mode=module.check_mode, with_diff=module._diff)
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**outcome.to_plain())


if __name__ == "__main__":
    main()
