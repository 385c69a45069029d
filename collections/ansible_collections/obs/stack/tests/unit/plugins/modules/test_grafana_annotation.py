# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_annotation."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_annotation

FOUND = {"id": 3, "text": "done", "tags": ["deploy", "key:a"], "time": 1000, "timeEnd": 1000}


def test_it_is_told_once(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/annotations", [], [FOUND])
    grafana.on("POST /api/annotations", {"id": 3})
    assert ask(grafana_annotation, key="a", text="done", tags=["deploy"])["annotation"]["id"] == 3
    assert not ask(grafana_annotation, key="a", text="done", tags=["deploy"])["changed"]
    assert grafana.written == [("POST /api/annotations", {"text": "done", "tags": ["deploy", "key:a"]})]


def test_copies_go_and_the_first_stays(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/annotations", [{**FOUND, "id": 9}, FOUND])
    grafana.on("DELETE /api/annotations/9", {})
    grafana.on("PUT /api/annotations/3", {})
    assert ask(grafana_annotation, key="a", text="done")["diff"]["before"]["copies"] == 1
    assert [request for request, _body in grafana.written] == ["DELETE /api/annotations/9", "PUT /api/annotations/3"]


def test_another_dashboard_is_another_annotation(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/annotations", [FOUND])
    grafana.on("POST /api/annotations", {"id": 4})
    ask(grafana_annotation, key="a", text="done", dashboard_uid="d")
    assert grafana.written[0][1]["dashboardUID"] == "d" and grafana.written[0][1]["time"] == 1000
    assert grafana.written[1][0] == "DELETE /api/annotations/3"


def test_time_that_is_none(ask: t.Any) -> None:
    assert "Could not use 'noon' as time" in ask(grafana_annotation, key="a", text="x", time="noon")["msg"]
