# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_dashboards_apply, host half of grafana_dashboards."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import sha256_of
from ansible_collections.obs.stack.plugins.modules import grafana_dashboards_apply
from ansible_collections.obs.stack.plugins.plugin_utils._dashboard_sources import pack, sources_of_definitions

BOARDS = [{"uid": "a", "title": "A"}, {"uid": "b", "title": "B"}]


@pytest.fixture
def archive(tmp_path: Path) -> dict[str, str]:
    """Two dashboards, packed."""
    path = str(tmp_path / "archive.zip")
    pack(path, sources_of_definitions(BOARDS), inputs={}, owner="")
    return {"archive": path, "sha256": sha256_of(path)}


def stored(board: dict[str, t.Any], **meta: t.Any) -> dict[str, t.Any]:
    return {"dashboard": {**board, "id": 1, "version": 2}, "meta": {"folderUid": "", **meta}}


def test_only_what_differs_is_written(ask: t.Any, grafana: t.Any, archive: dict[str, str]) -> None:
    grafana.on("GET /api/dashboards/uid/a", stored(BOARDS[0]))
    grafana.on("GET /api/dashboards/uid/b", stored({**BOARDS[1], "title": "Other"}))
    grafana.on("POST /api/dashboards/db", {"uid": "b", "version": 3, "url": "/d/b"})
    result = ask(grafana_dashboards_apply, **archive)
    assert (result["unchanged"], result["updated"]) == (["a"], ["b"])
    ((_request, body),) = grafana.written
    assert body["dashboard"] == {"title": "B", "id": None, "uid": "b", "version": 2}
    assert result["diff"] == {"before": {"b": {"dashboard.title": "Other"}}, "after": {"b": {"dashboard.title": "B"}}}


def test_provisioned_one_is_refused_and_the_others_are_done(
    ask: t.Any, grafana: t.Any, archive: dict[str, str]
) -> None:
    grafana.on(
        "GET /api/dashboards/uid/a", stored({"title": "x"}, provisioned=True, provisionedExternalId="team/a.json")
    )
    grafana.on("POST /api/dashboards/db", {"uid": "b", "version": 1})
    result = ask(grafana_dashboards_apply, **archive)
    assert result["failed"] and result["created"] == ["b"]
    assert "team/a.json" in result["refused"][0]["msg"]
    assert result["msg"].startswith("Could not sync 1 of 2 dashboards at http://grafana:3000: number 1 of definitions")


def test_wrong_token_ends_it_at_once(ask: t.Any, grafana: t.Any, archive: dict[str, str]) -> None:
    grafana.on("GET /api/dashboards/uid/a", (401, {"message": "Invalid API key", "messageId": "api-key.invalid"}))
    result = ask(grafana_dashboards_apply, **archive)
    assert "0 of 2 dashboards were looked at" in result["msg"] and len(grafana.asked) == 1


def test_another_archive_is_refused(ask: t.Any, archive: dict[str, str]) -> None:
    assert ask(grafana_dashboards_apply, **{**archive, "sha256": "00"})["failed"]
