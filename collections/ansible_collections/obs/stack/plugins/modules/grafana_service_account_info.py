#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts of Grafana as they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_service_account_info
short_description: Service accounts of Grafana as they are
version_added: 0.1.0
description: Tells one service account by its name, or all of them, and when their tokens expire. Never a token.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  name:
    description: The one account. There is none in the answer when it is not there.
    type: str
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Look for tokens that expire
  obs.stack.grafana_service_account_info:
    url: https://grafana.example.com
    url_username: admin
    url_password: "{{ vault_grafana_admin_password }}"
  register: accounts
"""

RETURN = r"""
service_accounts:
  description: The accounts.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Number.
      type: int
    name:
      description: Name.
      type: str
    login:
      description: Login, as histories show it.
      type: str
    role:
      description: Role in the organisation.
      type: str
    disabled:
      description: Whether it is switched off.
      type: bool
    tokens:
      description: Its tokens, each with name, created, expiration, expired and last_used.
      type: list
      elements: dict
"""

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_account import THING, accounts, form_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, tell


def told(client: Client, name: str | None) -> t.Iterator[dict[str, t.Any]]:
    """The accounts that are asked for."""
    errand = Errand("read", THING, name or "")
    for account in accounts(client, errand, name or ""):
        if name not in (None, account["name"]):
            continue
        tokens = client.get("/api/serviceaccounts/{0}/tokens".format(int(account["id"])), errand)
        yield {
            **form_of(account),
            "id": account["id"],
            "login": account.get("login", ""),
            "tokens": [
                {
                    "name": token.get("name", ""),
                    "created": token.get("created"),
                    "expiration": token.get("expiration"),
                    "expired": bool(token.get("hasExpired")),
                    "last_used": token.get("lastUsedAt"),
                }
                for token in tokens
            ],
        }


def main() -> None:
    module = module_of({"name": {"type": "str"}})
    tell(module, lambda client: {"service_accounts": list(told(client, module.params["name"]))})


if __name__ == "__main__":
    main()
