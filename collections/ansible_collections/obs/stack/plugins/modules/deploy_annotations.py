#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leave an annotation in Grafana for each deploy of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_annotations
short_description: Leave an annotation in Grafana for each deploy of a run
version_added: 0.2.0
description:
  - Tells Grafana what a run of this collection has changed, one annotation for each service of each host, with the tags
    C(deploy), C(service:…), C(host:…), C(version:…) and C(commit:…). The dashboards of this collection show them.
  - For the playbooks of this collection; M(obs.stack.deploy_marker) tells deploys of your own services.
  - A Grafana that does not answer, or says no, is a warning. The deploys were made.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each call leaves annotations.
options:
  deploys:
    description: What was deployed, as the filter P(obs.stack.deploys_told#filter) gathers it.
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description: The service.
        type: str
        required: true
      host:
        description: The host, by inventory name.
        type: str
        required: true
      version:
        description: Version that runs now.
        type: str
        required: true
      was:
        description: Version that ran before, empty on a first installation.
        type: str
        default: ""
      generation:
        description: Generation that runs now.
        type: int
        default: 0
      commit:
        description: Commit that it was made of.
        type: str
        default: ""
      time:
        description: When, in seconds of the epoch.
        type: int
        required: true
  url_password_file:
    description: File on the host that holds the password of O(url_username), in place of O(url_password).
    type: path
    default: ""
seealso:
  - module: obs.stack.deploy_marker
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Tell Grafana
  obs.stack.deploy_annotations:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    deploys:
      - service: prometheus
        host: obs-a
        version: 3.13.5
        was: 3.13.4
        generation: 7
        commit: 1f0c4b9d2e7a
        time: 1795420526
"""

RETURN = r"""
told:
  description: How many annotations were left.
  type: int
  returned: always
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._deploy import TAG
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import CONNECTION, EXCLUSIVE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import client_of

DEPLOY: dict[str, t.Any] = {
    "service": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "was": {"type": "str", "default": ""},
    "generation": {"type": "int", "default": 0},
    "commit": {"type": "str", "default": ""},
    "time": {"type": "int", "required": True},
}


def annotation_of(deploy: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The annotation of a deploy, as Grafana takes it."""
    version, was = deploy["version"], deploy["was"]
    if not was:
        what = "{0} installed".format(version)
    elif was == version:
        what = "{0} reconfigured".format(version)
    else:
        what = "{0} -> {1}".format(was, version)
    named = (
        ("service", deploy["service"]),
        ("host", deploy["host"]),
        ("version", version),
        ("commit", deploy["commit"]),
    )
    where = "on {0}, generation {1}".format(deploy["host"], deploy["generation"])
    return {
        "text": "{0} {1} {2}".format(deploy["service"], what, where),
        "tags": [TAG] + ["{0}:{1}".format(name, value) for name, value in named if value],
        "time": deploy["time"] * 1000,
    }


def password_in(path: str) -> str:
    """The password that a file holds.

    Raises:
        StackError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StackError("Could not read {0}".format(path), why=why, doc="grafana-api") from error


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deploys": {"type": "list", "elements": "dict", "required": True, "options": DEPLOY},
            "url_password_file": {"type": "path", "default": "", "no_log": False},
            **CONNECTION,
        },
        mutually_exclusive=[*EXCLUSIVE, ["url_password", "url_password_file"]],
        supports_check_mode=True,
    )
    told = 0
    try:
        if module.params["url_password_file"]:
            module.params["url_password"] = password_in(module.params["url_password_file"])
        client = client_of(module)
        for deploy in [] if module.check_mode else module.params["deploys"]:
            client.post("/api/annotations", annotation_of(deploy), Errand("create", "annotation", deploy["service"]))
            told += 1
    except StackError as error:
        words = " ".join(str(error).split())
        module.warn("Grafana was not told of {0} deploys. {1}".format(len(module.params["deploys"]) - told, words))
    module.exit_json(changed=told > 0, told=told)


if __name__ == "__main__":
    main()
