# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_folder_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_folder_info


def test_whole_tree(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders?limit=1000&page=1", [{"uid": "a", "title": "A"}])
    grafana.on("GET /api/folders?limit=1000&page=1&parentUid=a", [{"uid": "b", "title": "B", "parentUid": "a"}])
    grafana.on("GET /api/folders?limit=1000&page=1&parentUid=b", [])
    told = ask(grafana_folder_info, recursive=True)["folders"]
    assert [(one["uid"], one["parent_uid"]) for one in told] == [("a", ""), ("b", "a")]
    assert len(ask(grafana_folder_info)["folders"]) == 1


def test_one_with_its_permissions(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/folders/a", {"uid": "a", "title": "A"})
    rights = [{"role": "Viewer", "permission": 1}, {"team": "x", "permission": 4, "inherited": True}]
    grafana.on("GET /api/folders/a/permissions", rights)
    assert ask(grafana_folder_info, uid="a", permissions=True)["folders"][0]["permissions"] == {"role Viewer": "view"}
    assert ask(grafana_folder_info, uid="nobody")["folders"] == []
