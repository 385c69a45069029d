#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service account of Grafana, with its tokens."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_service_account
short_description: A service account of Grafana, with its tokens in files
version_added: 0.1.0
description:
  - Makes a service account, sets its role, switches it off and on, or removes it.
  - Makes tokens for it and writes each into a file on the host, which is the only place that ever has it. Rotates them
    before they expire, and leaves the former one valid for as long as whoever uses it needs to take up the new one.
  - A token is made anew as well when its file is gone, was written by somebody else, or holds one that Grafana does not
    take.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the names of tokens, never a token.
  idempotent:
    support: full
    details: Until a token is due for rotation.
options:
  name:
    description: Name, which also finds it.
    type: str
    required: true
  role:
    description: Its role in the organisation. A new one gets V(Viewer).
    type: str
    choices: [None, Viewer, Editor, Admin]
  disabled:
    description: Whether it is switched off.
    type: bool
  tokens:
    description: Its tokens. Others that it has are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name. In Grafana it has the name of the account before, and a number behind it.
        type: str
        required: true
      dest:
        description: File on the host that holds the token. Its folder must be there.
        type: path
        required: true
      mode:
        description: Mode of the file, which must shut others out.
        type: str
        default: "0640"
      owner:
        description: Owner of the file; left out, whoever runs the module.
        type: str
      group:
        description: Group of the file.
        type: str
      expires_in:
        description: How long a token is valid, such as V(90d) or V(12h). Left out, it does not expire.
        type: str
      rotate_before:
        description: How long before that the next one is made. Left out, a quarter of O(tokens[].expires_in).
        type: str
      keep_old_for:
        description: How long the former one stays valid. Left out, it is revoked once the file holds the next one.
          Otherwise a later run revokes it.
        type: str
      state:
        description: Whether it is to be there. V(absent) revokes it and removes the file.
        type: str
        choices: [present, absent]
        default: present
  state:
    description: Whether the account is to be there. V(absent) revokes its tokens and removes their files.
    type: str
    choices: [present, absent]
    default: present
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: An account that brings dashboards, its token for 90 days
  obs.stack.grafana_service_account:
    url: http://127.0.0.1:3000
    url_username: admin
    url_password: "{{ vault_grafana_admin_password }}"
    name: dashboards
    role: Editor
    tokens:
      - name: ci
        dest: /etc/ci/grafana-token
        group: ci
        expires_in: 90d
        rotate_before: 14d
        keep_old_for: 1d
"""

RETURN = r"""
service_account:
  description: The account as it is, or would be. Never a token.
  type: dict
  returned: always
  contains:
    name:
      description: Its name.
      type: str
    role:
      description: Its role.
      type: str
    disabled:
      description: Whether it is switched off.
      type: bool
    id:
      description: Its number.
      type: int
    login:
      description: Its login, as histories show it.
      type: str
    tokens:
      description: Of each of O(tokens) the name of the one in use, its file, and the former ones that are valid still.
      type: dict
uid:
  description: Its identifier, where Grafana tells it.
  type: str
  returned: always
url:
  description: Its page, empty when it is not there.
  type: str
  returned: always
rotated:
  description: Tokens that were made, and why.
  type: dict
  returned: always
  sample: {ci: it expires}
"""

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_account import ROLES, THING, ServiceAccount, Wish
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import STATE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, run
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_token import wish_of


def main() -> None:
    module = module_of(
        {
            "name": {"type": "str", "required": True},
            "role": {"type": "str", "choices": list(ROLES)},
            "disabled": {"type": "bool"},
            "tokens": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "no_log": False,
                "options": {
                    "name": {"type": "str", "required": True},
                    "dest": {"type": "path", "required": True},
                    "mode": {"type": "str", "default": "0640"},
                    "owner": {"type": "str"},
                    "group": {"type": "str"},
                    "expires_in": {"type": "str"},
                    "rotate_before": {"type": "str"},
                    "keep_old_for": {"type": "str"},
                    **STATE,
                },
            },
            **STATE,
        }
    )
    params = module.params

    def make(client: Client) -> ServiceAccount:
        tokens = [wish_of(item) for item in params["tokens"]]
        present = params["state"] == "present"
        return ServiceAccount(client, Wish(present, params["name"], params["role"], params["disabled"], tokens))

    run(module, make, THING)


if __name__ == "__main__":
    main()
