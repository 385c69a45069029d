#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell that a service was deployed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_marker
short_description: Tell dashboards and alerts that a service was deployed
version_added: 0.1.0
description:
  - Tells that a version of a service of your own was deployed, in up to three places. O(pushgateway_url) and
    O(textfile_dir) get the metric C(deploy_timestamp_seconds), by which alerts tell the last deploy. Grafana gets a
    marker with the tag C(deploy), which the dashboards of this collection show.
  - The metric has the labels C(service), C(version), and C(commit) and C(environment) where they are given. Its value
    is the time. There is one for each service and environment, the last.
  - Told again, the same version is the same deploy, and nothing changes. A place that did not learn of it, since it was
    not reached, is told the first one's time. Another version, an older one too, is another deploy.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  service:
    description: The service, by the name of its metrics, their label C(job). Alerts on it look for that.
    type: str
    required: true
  version:
    description: What is deployed. Quote it, since YAML reads 1.10 as 1.1.
    type: str
    required: true
  commit:
    description: The commit it was made of.
    type: str
    default: ""
  environment:
    description: Where it is deployed, such as V(production). Environments do not know of each other's deploys.
    type: str
    default: ""
  time:
    description:
      - When it was deployed, as ISO 8601 (UTC where it names no zone), or as seconds of the epoch.
      - Without it, now, unless this version is what was deployed last. Give it to tell that the same version was
        deployed once more.
    type: str
  text:
    description: What the marker says, such as a link to the run that deployed. Made of the rest without it.
    type: str
    default: ""
  pushgateway_url:
    description: >-
      Address of a Pushgateway, with its path prefix. The group is C(job/deploy/service/<service>), followed by
      C(/environment/<environment>) where there is one.
    type: str
    default: ""
  pushgateway_username:
    description: User of basic authentication at O(pushgateway_url).
    type: str
    default: ""
  pushgateway_password:
    description: Password of O(pushgateway_username).
    type: str
    default: ""
  pushgateway_ca_path:
    description: >-
      Authority that signed its certificate, a file on the host. O(validate_certs), O(client_cert), O(client_key) and
      O(timeout) are those of Grafana.
    type: path
    default: ""
  textfile_dir:
    description: >-
      Folder of node_exporter's text files on the host of the task, V(/var/lib/node_exporter) where this collection runs
      it. The file is C(deploy_<service>.prom).
    type: path
    default: ""
notes:
  - Grafana is told when O(url), or E(GRAFANA_URL), is there.
seealso:
  - module: obs.stack.grafana_annotation
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Tell the deploy once, to Prometheus by a Pushgateway and to Grafana
  obs.stack.deploy_marker:
    service: shop
    version: "{{ shop_version }}"
    commit: "{{ shop_commit }}"
    environment: production
    pushgateway_url: http://push.example.com:9091
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
  delegate_to: localhost
  run_once: true

- name: Tell it by node_exporter of each host
  obs.stack.deploy_marker:
    service: shop
    version: "{{ shop_version }}"
    textfile_dir: /var/lib/node_exporter
  become: true
"""

RETURN = r"""
deploy:
  description: The deploy as it is told, or would be.
  type: dict
  returned: success
  contains:
    service:
      description: The service.
      type: str
    environment:
      description: Where, empty where nobody said so.
      type: str
    version:
      description: The version.
      type: str
    commit:
      description: The commit, empty where nobody said so.
      type: str
    time:
      description: When, in seconds of the epoch.
      type: int
    at:
      description: The same, as ISO 8601 in UTC.
      type: str
      sample: "2026-11-23T04:05:06Z"
told:
  description: The places that were told, or would be; those that knew are not among them.
  type: list
  elements: str
  returned: success
  sample: [pushgateway, grafana]
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._by_url import server_at
from ansible_collections.obs.stack.plugins.module_utils._deploy import DOC, Deploy, settled
from ansible_collections.obs.stack.plugins.module_utils._deploy_places import Grafana, Place, Pushgateway, Textfile
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import client_of, module_of
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds


def wish_of(params: t.Mapping[str, t.Any]) -> Deploy:
    """The deploy of a module's options.

    Raises:
        StackError: no service or version, or a time that is none.
    """
    for option in ("service", "version"):
        if not params[option].strip():
            raise StackError("Could not tell a deploy", why="{0} is empty".format(option), step="input", doc=DOC)
    when = milliseconds(params["time"], "time")
    return Deploy(
        service=params["service"].strip(),
        environment=params["environment"].strip(),
        version=params["version"].strip(),
        commit=params["commit"].strip(),
        time=0 if when is None else when // 1000,
    )


def places_of(module: AnsibleModule, wish: Deploy) -> list[Place]:
    """Where it is to be told, those that are nearest first.

    Raises:
        StackError: nowhere, or a place that cannot be used.
    """
    params = module.params
    which = (wish.service, wish.environment)
    found: list[Place] = []
    if params["textfile_dir"]:
        found.append(Textfile(params["textfile_dir"], *which))
    if params["pushgateway_url"]:
        asked = {
            "ca_path": params["pushgateway_ca_path"],
            "client_cert": params["client_cert"] or "",
            "client_key": params["client_key"] or "",
            "url_username": params["pushgateway_username"],
            "url_password": params["pushgateway_password"],
            "bearer_token": "",
            "validate_certs": params["validate_certs"],
            "timeout": params["timeout"],
        }
        found.append(Pushgateway(server_at(params["pushgateway_url"], "pushgateway_url", DOC, asked), *which))
    # With credentials and no address, the error of Grafana's other modules says what is missing.
    if os.environ.get("GRAFANA_URL") or any(params[name] for name in ("url", "grafana_api_key", "url_username")):
        found.append(Grafana(client_of(module), *which, params["text"]))
    if not found:
        raise StackError(
            "Could not tell the deploy of {0}".format(wish.service),
            why="there is nobody to tell",
            hint="Give pushgateway_url or textfile_dir, url of Grafana, or several of them.",
            step="input",
            doc=DOC,
        )
    return found


def main() -> None:
    module = module_of(
        {
            "service": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "commit": {"type": "str", "default": ""},
            "environment": {"type": "str", "default": ""},
            "time": {"type": "str"},
            "text": {"type": "str", "default": ""},
            "pushgateway_url": {"type": "str", "default": ""},
            "pushgateway_username": {"type": "str", "default": ""},
            "pushgateway_password": {"type": "str", "default": "", "no_log": True},
            "pushgateway_ca_path": {"type": "path", "default": ""},
            "textfile_dir": {"type": "path", "default": ""},
        }
    )
    told: list[str] = []
    try:
        wish = wish_of(module.params)
        places = places_of(module, wish)
        # All are asked before the first is told.
        deploy = settled(wish, [place.known() for place in places], time.time())
        plans = {place.name: place.plan(deploy) for place in places}
        for place in places:
            if plans[place.name].changed:
                if not module.check_mode:
                    place.tell(deploy)
                told.append(place.name)
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step, told=told)
    sides = {
        side: {name: dict(getattr(plan, side) or {}) for name, plan in plans.items()} for side in ("before", "after")
    }
    headers = {"before_header": "deploy of " + deploy.service, "after_header": "deploy of " + deploy.service}
    module.exit_json(changed=bool(told), diff={**sides, **headers}, deploy=deploy.told(), told=told)


if __name__ == "__main__":
    main()
