# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_dashboard_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_dashboard_info


def test_one_with_its_definition(ask: t.Any, grafana: t.Any) -> None:
    spec = {"id": 4, "uid": "d", "version": 3, "title": "D", "panels": []}
    meta = {"folderUid": "general", "url": "/d/d/d", "version": 3, "updatedBy": "ann"}
    grafana.on("GET /api/dashboards/uid/d", {"dashboard": spec, "meta": meta})
    (told,) = ask(grafana_dashboard_info, uid="d")["dashboards"]
    assert told["definition"] == {"uid": "d", "title": "D", "panels": []}
    assert (told["folder_uid"], told["updated_by"], told["url"]) == ("", "ann", "http://grafana:3000/d/d/d")
    assert ask(grafana_dashboard_info, uid="nobody")["dashboards"] == []


def test_search_goes_page_by_page(ask: t.Any, grafana: t.Any) -> None:
    hits = [{"uid": str(number), "title": "x", "tags": ["a", "b"]} for number in range(1000)]
    query = "&type=dash-db&query=&tag=a&folderUIDs=general"
    grafana.on("GET /api/search?limit=1000&page=1" + query, hits)
    second = [{"uid": "last", "tags": ["b"]}, {"uid": "y", "tags": ["a"]}]
    grafana.on("GET /api/search?limit=1000&page=2" + query, second)
    told = ask(grafana_dashboard_info, tags=["a"], folder_uid="")["dashboards"]
    assert len(told) == 1001 and told[-1]["uid"] == "y"
