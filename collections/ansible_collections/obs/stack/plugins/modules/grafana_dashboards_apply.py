#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host half of grafana_dashboards."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboards_apply
short_description: Host half of grafana_dashboards
version_added: 0.1.0
description:
  - Compares the dashboards of an archive with Grafana's and writes those that differ. Called by
    M(obs.stack.grafana_dashboards), which packs the archive; not for use in playbooks.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  archive:
    description: The archive, on the host.
    type: path
    required: true
  sha256:
    description: Its digest.
    type: str
    required: true
  folder_uid:
    description: As of M(obs.stack.grafana_dashboards), and so the others.
    type: str
  folders_from_tree:
    description: Whether folders of the sources become folders of Grafana.
    type: bool
    default: false
  owner:
    description: Whose the dashboards are.
    type: str
    default: ""
  prune:
    description: Whether dashboards go whose source is gone.
    type: bool
    default: false
  prune_limit:
    description: How many may go.
    type: int
    default: 10
  prune_force:
    description: Whether that is passed over.
    type: bool
    default: false
  overwrite:
    description: Whether to write over what somebody else writes at the same time.
    type: bool
    default: false
  commit_message:
    description: Noted in the history of each dashboard that is written.
    type: str
    default: ""
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.grafana_dashboards
"""

EXAMPLES = r"""
- name: What its caller does
  obs.stack.grafana_dashboards_apply:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    archive: "{{ archive }}"
    sha256: "{{ archive_sha256 }}"
"""

RETURN = r"""
created:
  description: Uids of dashboards that were made, or would be; the other lists as of M(obs.stack.grafana_dashboards).
  type: list
  elements: str
  returned: always
"""

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_many import told
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import client_of, module_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_server import Server
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import Archive, Options, Sync


def main() -> None:
    module = module_of(
        {
            "archive": {"type": "path", "required": True},
            "sha256": {"type": "str", "required": True},
            "folder_uid": {"type": "str"},
            "folders_from_tree": {"type": "bool", "default": False},
            "owner": {"type": "str", "default": ""},
            "prune": {"type": "bool", "default": False},
            "prune_limit": {"type": "int", "default": 10},
            "prune_force": {"type": "bool", "default": False},
            "overwrite": {"type": "bool", "default": False},
            "commit_message": {"type": "str", "default": ""},
        }
    )
    params = module.params
    options = Options(
        folder_uid=params["folder_uid"],
        from_tree=params["folders_from_tree"],
        owner=params["owner"],
        prune=params["prune"],
        prune_limit=params["prune_limit"],
        prune_force=params["prune_force"],
        overwrite=params["overwrite"],
        message=params["commit_message"],
    )
    try:
        archive = Archive(params["archive"], params["sha256"])
        client = client_of(module)
        outcome = Sync(Server(client), archive, options, check_mode=module.check_mode).run()
    except StackError as error:
        module.fail_json(msg=str(error))
    result = {
        **outcome.lists,
        "folders": outcome.folders,
        "refused": outcome.refused,
        "changed": outcome.changed,
        "diff": {"before": outcome.before, "after": outcome.after},
    }
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.refused:
        rest = "The others are done, nothing was pruned."
        message = told(outcome.refused, len(archive.index), "dashboards", client.access.url, rest)
        module.fail_json(msg=message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
