#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many data sources of Grafana in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_datasources
short_description: Many data sources of Grafana in one task
version_added: 0.1.0
description:
  - Brings each data source of a list to what is given, and leaves those alone that are so already. The same as
    M(obs.stack.grafana_datasource) in a loop, in one call to the host.
  - The list is looked at as a whole before anything is written; two of one name or one uid, and two defaults, are
    refused.
  - When one is refused by Grafana, the others are done all the same, and the task fails in the end.
  - Data sources that are not on the list stay. An item with O(datasources[].state=absent) goes.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows of each changed one what differs; of a secret only that it is set, changed or removed.
  idempotent:
    support: partial
    details: With O(update_secrets=always) secrets are sent each time, and that is a change.
options:
  datasources:
    description: The data sources, each with options as of M(obs.stack.grafana_datasource).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name. Without O(datasources[].uid) it also finds the data source.
        type: str
      uid:
        description:
          - Identifier, of at most 40 letters, digits, hyphens and underscores. It cannot be changed.
          - Without it a new one gets the name in lower case with hyphens.
        type: str
      ds_type:
        description: Identifier of its plugin, such as V(prometheus), V(loki) or V(tempo). Needed for a new one.
        type: str
        aliases: [type]
      ds_url:
        description: Where Grafana finds it. Grafana does not empty it again.
        type: str
      access:
        description: Whether Grafana asks it, or the browser. A new one gets V(proxy).
        type: str
        choices: [proxy, direct]
      is_default:
        description: Whether it is the organisation's default. It is brought last, whatever its place on the list.
        type: bool
      basic_auth_user:
        description: User of basic authentication, with the password as C(basicAuthPassword) of
          O(datasources[].secure_json_data). An empty string turns it off.
        type: str
      user:
        description: User of a database.
        type: str
      database:
        description: Name of a database.
        type: str
      with_credentials:
        description: Whether the browser sends cookies along.
        type: bool
      json_data:
        description: Keys of C(jsonData), as the plugin names them. A key is replaced as a whole; null removes it.
        type: dict
        default: {}
      secure_json_data:
        description: Secrets, as the plugin names them. An empty string removes one. Those that are not named stay.
        type: dict
        default: {}
      state:
        description: Whether it is to be there.
        type: str
        choices: [present, absent]
        default: present
  keep_unknown_json_data:
    description: Whether keys that O(datasources[].json_data) does not name stay.
    type: bool
    default: true
  update_secrets:
    description:
      - When a secret that Grafana has already is sent again, as of M(obs.stack.grafana_datasource).
      - V(on_change) with a O(fingerprint_key), V(on_create) without one, when it is left out.
    type: str
    choices: [on_create, on_change, always]
  fingerprint_key:
    description: Key of the fingerprints of secrets, as of M(obs.stack.grafana_datasource).
    type: str
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.grafana_datasource
  - module: obs.stack.grafana_datasource_info
"""

EXAMPLES = r"""
- name: What the dashboards of a site need
  obs.stack.grafana_datasources:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    datasources:
      - name: Prometheus
        uid: prometheus-main
        ds_type: prometheus
        ds_url: https://prometheus.example.com
        is_default: true
        basic_auth_user: grafana
        secure_json_data:
          basicAuthPassword: "{{ vault_prometheus_password }}"
      - name: Loki
        uid: loki-main
        ds_type: loki
        ds_url: https://loki.example.com
      - name: The one before
        state: absent
    fingerprint_key: "{{ vault_grafana_fingerprint_key }}"
"""

RETURN = r"""
created:
  description: Uids of data sources that were made, or would be.
  type: list
  elements: str
  returned: always
updated:
  description: Of those that were changed.
  type: list
  elements: str
  returned: always
deleted:
  description: Of those that were removed.
  type: list
  elements: str
  returned: always
unchanged:
  description: Of those that are so already, or gone already.
  type: list
  elements: str
  returned: always
datasources:
  description: Those that are wanted as they are, or would be, in Grafana's keys and in the order of the list.
  type: list
  elements: dict
  returned: always
refused:
  description: Data sources that could not be done.
  type: list
  elements: dict
  returned: always
  contains:
    uid:
      description: Of the data source, where it is known.
      type: str
    source:
      description: Its name on the list.
      type: str
    msg:
      description: Why.
      type: str
"""

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource import THING
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource_form import KEEPING, OPTIONS, RULES
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasources import bring, wishes_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_many import told
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import client_of, module_of


def main() -> None:
    each = {"type": "list", "elements": "dict", "required": True, "options": OPTIONS, **RULES}
    module = module_of({"datasources": each, **KEEPING})
    try:
        wishes = wishes_of(module.params["datasources"], module.params)
        client = client_of(module)
        outcome = bring(client, wishes, check_mode=module.check_mode)
    except StackError as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings:
        module.warn(warning)
    result = {
        **outcome.lists,
        "datasources": outcome.found,
        "refused": outcome.refused,
        "changed": outcome.changed,
        "diff": {"before": outcome.before, "after": outcome.after},
    }
    if outcome.refused:
        module.fail_json(msg=told(outcome.refused, len(wishes), THING + "s", client.access.url), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
