#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A data source of Grafana."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_datasource
short_description: A data source of Grafana
version_added: 0.1.0
description:
  - Makes a data source of any type, brings it to what is given, or removes it.
  - What is left out stays as it is. Data sources that come from files of provisioning are read-only to Grafana's API;
    the role P(obs.stack.grafana#role) writes such files.
  - Grafana never tells a secret. With a O(fingerprint_key), a keyed digest of each is kept in C(jsonData), so that a
    secret that has changed is seen and sent, and one that has not is not.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Of a secret it shows only that it is set, changed or removed.
  idempotent:
    support: partial
    details: With O(update_secrets=always) secrets are sent each time, and that is a change.
options:
  name:
    description: Name. Without O(uid) it also finds the data source.
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
    description:
      - Whether it is the organisation's default. Setting it takes that from the one that is.
      - Left out, it is not looked at. Grafana makes the first one of an organisation the default.
    type: bool
  basic_auth_user:
    description: User of basic authentication, with the password as C(basicAuthPassword) of O(secure_json_data). An
      empty string turns it off.
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
  keep_unknown_json_data:
    description: Whether keys that O(json_data) does not name stay.
    type: bool
    default: true
  secure_json_data:
    description: Secrets, as the plugin names them. An empty string removes one. Those that are not named stay.
    type: dict
    default: {}
  update_secrets:
    description:
      - When a secret that Grafana has already is sent again. One that it lacks is sent always.
      - V(on_create) never does. V(on_change) does when its fingerprint is another one, or there is none, and needs
        O(fingerprint_key). V(always) does each time.
      - V(on_change) with a O(fingerprint_key), V(on_create) without one, when it is left out.
    type: str
    choices: [on_create, on_change, always]
  fingerprint_key:
    description:
      - Key of the fingerprints, random and kept like a password. Everybody who may see the data source may see the
        fingerprints; without the key they tell nothing of the secret.
      - With another key all secrets count as changed, once.
    type: str
  state:
    description: Whether it is to be there.
    type: str
    choices: [present, absent]
    default: present
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: A Prometheus behind a password
  obs.stack.grafana_datasource:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    name: Prometheus
    uid: prometheus-main
    ds_type: prometheus
    ds_url: https://prometheus.example.com
    basic_auth_user: grafana
    json_data:
      httpMethod: POST
      timeInterval: 15s
    secure_json_data:
      basicAuthPassword: "{{ vault_prometheus_password }}"
    fingerprint_key: "{{ vault_grafana_fingerprint_key }}"

- name: Link its exemplars to traces, and leave the rest as it is
  obs.stack.grafana_datasource:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    name: Prometheus
    uid: prometheus-main
    json_data:
      exemplarTraceIdDestinations:
        - {name: trace_id, datasourceUid: tempo-main}
"""

RETURN = r"""
datasource:
  description: The data source as it is, or would be, in Grafana's keys. Of a secret it tells only that it is set.
  type: dict
  returned: always
  sample:
    name: Prometheus
    uid: prometheus-main
    type: prometheus
    url: https://prometheus.example.com
    jsonData: {httpMethod: POST}
    secureJsonData: {basicAuthPassword: (set)}
uid:
  description: Its identifier.
  type: str
  returned: always
  sample: prometheus-main
url:
  description: Its page, empty when it is not there.
  type: str
  returned: always
"""

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource import THING, Datasource
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_datasource_form import (
    KEEPING,
    OPTIONS,
    RULES,
    wish_of,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import module_of, run


def main() -> None:
    module = module_of({**OPTIONS, **KEEPING}, **RULES)
    run(module, lambda client: Datasource(client, wish_of(module.params)), THING)


if __name__ == "__main__":
    main()
