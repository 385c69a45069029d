# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_dashboards_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import folder_uid, tags_of
from ansible_collections.obs.stack.plugins.modules import grafana_dashboards_info


def test_what_an_owner_has(ask: t.Any, grafana: t.Any) -> None:
    own = {"uid": "d", "title": "D", "tags": list(tags_of("repo", "d"))}
    grafana.on("GET /api/search?limit=1000&page=1&type=dash-db&tag=obs%3Arepo", [own, {**own, "uid": "copy"}])
    mine, other = folder_uid("repo", "", "team"), folder_uid("other", "", "team")
    folders = [{"uid": uid, "title": "team"} for uid in (mine, other, "by-hand")]
    grafana.on("GET /api/search?limit=1000&page=1&type=dash-folder", folders)
    told = ask(grafana_dashboards_info, owner="repo")
    assert [(one["uid"], one["proven"]) for one in told["dashboards"]] == [("d", True), ("copy", False)]
    assert [one["uid"] for one in told["folders"]] == [mine]
    assert ask(grafana_dashboards_info, owner="two words")["failed"]
