#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many dashboards of Grafana in one task. What it takes; the action plugin of the same name and its host half do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_dashboards
short_description: Many dashboards of Grafana in one task
version_added: 0.1.0
description:
  - Brings all dashboards of a folder, or of a list, to what they say, and leaves those alone that say it already.
  - The sources are read on the controller and sent as one file; each dashboard is then compared with Grafana's from the
    host, one at a time.
  - With O(folders_from_tree) the folders of the sources become folders of Grafana, nested as they are.
  - With O(prune), dashboards and folders that this task's owner has made go when their source is gone. Nothing else is
    ever removed.
  - When a dashboard is refused, the others are done all the same, nothing is pruned, and the task fails in the end.
  - Takes the same forms as M(obs.stack.grafana_dashboard).
extends_documentation_fragment: [obs.stack.attributes, obs.stack.grafana]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows of each changed dashboard what differs, up to a length; beyond that only that it changes.
  idempotent:
    support: full
options:
  path:
    description:
      - Folders or files on the controller. Of a folder, each C(.json), C(.yaml) and C(.yml) file in it and below it;
        hidden files and leftovers of editors are passed over. They are never templated.
      - A missing path, and a folder without any, is an error.
    type: list
    elements: path
  definitions:
    description: The dashboards themselves, in place of O(path).
    type: list
    elements: dict
  inputs:
    description: Values of the inputs that exports ask for, by name, the same for all.
    type: dict
    default: {}
  folder_uid:
    description:
      - The folder they go into; the top of the tree with O(folders_from_tree). An empty string is the top of Grafana.
      - Left out, dashboards stay where they are.
    type: str
  folders_from_tree:
    description:
      - Whether each folder of O(path) becomes a folder of Grafana, with its name as the title. Grafana nests them four
        deep.
      - Their uids are derived from O(owner), O(folder_uid) and the path, so a folder that was renamed is another one.
    type: bool
    default: false
  owner:
    description:
      - Whose these dashboards are, such as the name of their repository. Each gets two tags that say so.
      - Of at most 40 letters, digits, dots, hyphens and underscores. Needed for O(prune).
    type: str
    default: ""
  prune:
    description:
      - Whether dashboards go whose source is gone. One goes only if it has the owner's tag, and the tag that proves
        that this very uid was made from the sources, and if nobody else has written it since. So a copy that somebody
        made in Grafana stays, and one that somebody has changed.
      - A folder goes only if the tree has made it and it holds nothing.
    type: bool
    default: false
  prune_limit:
    description: How many dashboards may go in one run. If there are more, the task fails before it does anything.
    type: int
    default: 10
  prune_force:
    description: Whether O(prune_limit) is passed over.
    type: bool
    default: false
  overwrite:
    description: Write dashboards even when somebody else changes them at the same time, or when a plugin owns them.
    type: bool
    default: false
  commit_message:
    description: Noted in the history of each dashboard that is written.
    type: str
    default: ""
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.grafana_dashboard
  - module: obs.stack.grafana_dashboards_info
"""

EXAMPLES = r"""
- name: All dashboards of a repository, in folders as they are there
  obs.stack.grafana_dashboards:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    path: dashboards/
    folders_from_tree: true
    owner: shop-dashboards
    prune: true

- name: Exports of grafana.com, all with one data source, in one folder
  obs.stack.grafana_dashboards:
    url: https://grafana.example.com
    grafana_api_key: "{{ grafana_token }}"
    path: [vendor/node-exporter-full.json, vendor/loki.json]
    folder_uid: vendor
    inputs:
      DS_PROMETHEUS: prometheus-main
      DS_LOKI: loki-main
"""

RETURN = r"""
created:
  description: Uids of dashboards that were made, or would be.
  type: list
  elements: str
  returned: always
updated:
  description: Of those that were changed or moved.
  type: list
  elements: str
  returned: always
deleted:
  description: Of those that were pruned.
  type: list
  elements: str
  returned: always
unchanged:
  description: Of those that say already what they should.
  type: list
  elements: str
  returned: always
folders:
  description: Uids of the tree's folders, in lists of the same names.
  type: dict
  returned: always
refused:
  description: Dashboards that could not be done.
  type: list
  elements: dict
  returned: always
  contains:
    uid:
      description: Of the dashboard.
      type: str
    source:
      description: The file it came from, as seen from its folder.
      type: str
    msg:
      description: Why.
      type: str
"""
