# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_datasource_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_datasource_info

ONE = {
    "uid": "a",
    "name": "A",
    "type": "loki",
    "jsonData": {"x": 1, "obsStackFingerprints": {"token": "0f"}},
    "secureJsonFields": {"token": True},
    "version": 2,
    "readOnly": True,
}


def test_each_is_asked_for_by_its_uid(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources", [{"uid": "a", "name": "A"}, {"uid": "b", "name": "B"}])
    grafana.on("GET /api/datasources/uid/a", ONE)
    (told,) = ask(grafana_datasource_info)["datasources"]
    assert told["jsonData"] == {"x": 1} and told["secureJsonData"] == {"token": "(set)"} and told["readOnly"]
    assert ask(grafana_datasource_info, name="B")["datasources"] == []


def test_health_is_what_grafana_says(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/datasources/uid/a", ONE)
    for answer, status in (((400, {"message": "down"}), "ERROR"), ((500, {"message": "?"}), "UNKNOWN")):
        grafana.on("GET /api/datasources/uid/a/health", answer)
        (told,) = ask(grafana_datasource_info, uid="a", health=True)["datasources"]
        assert told["health"]["status"] == status
    grafana.on("GET /api/datasources/uid/a/health", {"status": "OK", "message": "fine"})
    (told,) = ask(grafana_datasource_info, uid="a", health=True)["datasources"]
    assert told["health"] == {"status": "OK", "message": "fine"}
