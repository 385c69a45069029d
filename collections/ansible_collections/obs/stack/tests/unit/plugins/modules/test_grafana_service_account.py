# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_service_account."""

from __future__ import annotations

import errno
import json
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _grafana_api_account
from ansible_collections.obs.stack.plugins.modules import grafana_service_account

ACCOUNT = {"id": 7, "name": "boards", "login": "sa-1-boards", "role": "Editor", "isDisabled": False}
MADE = {"id": 9, "name": "boards-ci-1", "created": "2026-11-22T20:00:00Z", "expiration": None, "hasExpired": False}
TOKENS = "/api/serviceaccounts/7/tokens"


def search(*accounts: t.Any) -> dict[str, t.Any]:
    return {"serviceAccounts": list(accounts), "totalCount": len(accounts)}


def test_account_and_token_are_made(ask: t.Any, grafana: t.Any, tmp_path: Path) -> None:
    grafana.on("GET /api/serviceaccounts/search", search())
    grafana.on("POST /api/serviceaccounts", (201, ACCOUNT))
    grafana.on("POST " + TOKENS, {"id": 9, "name": "boards-ci-1", "key": "canary-key"})
    grafana.on("GET " + TOKENS, [MADE])
    file = tmp_path / "token"
    tokens = [{"name": "ci", "dest": str(file), "expires_in": "1d"}]
    result = ask(grafana_service_account, name="boards", role="Editor", tokens=tokens)
    assert file.read_text() == "canary-key\n" and stat.S_IMODE(file.stat().st_mode) == 0o640
    assert ("POST " + TOKENS, {"name": "boards-ci-1", "secondsToLive": 86400}) in grafana.written
    assert "canary" not in json.dumps(result)
    assert result["rotated"] == {"ci": "there is none"}


def test_check_mode_makes_no_token(ask: t.Any, grafana: t.Any, tmp_path: Path) -> None:
    grafana.on("GET /api/serviceaccounts/search", search(ACCOUNT))
    grafana.on("GET " + TOKENS, [])
    tokens = [{"name": "ci", "dest": str(tmp_path / "token")}]
    result = ask(grafana_service_account, name="boards", tokens=tokens, check_mode=True)
    assert result["changed"] and not grafana.written and not list(tmp_path.iterdir())


def test_token_that_cannot_be_written_is_revoked(
    ask: t.Any, grafana: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: t.Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_grafana_api_account, "_write", full)
    grafana.on("GET /api/serviceaccounts/search", search(ACCOUNT))
    grafana.on("GET " + TOKENS, [], [MADE])
    grafana.on("POST " + TOKENS, {"id": 9, "name": "boards-ci-1", "key": "canary-key"})
    grafana.on("DELETE {0}/9".format(TOKENS), {})
    result = ask(grafana_service_account, name="boards", tokens=[{"name": "ci", "dest": str(tmp_path / "token")}])
    assert result["failed"] and "No space left on device" in result["msg"]
    assert grafana.written[-1][0] == "DELETE {0}/9".format(TOKENS)


def test_name_that_only_holds_another_is_not_it(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/serviceaccounts/search", search({**ACCOUNT, "name": "boards-two"}))
    assert not ask(grafana_service_account, name="boards", state="absent")["changed"]


def test_role_is_changed(ask: t.Any, grafana: t.Any) -> None:
    grafana.on("GET /api/serviceaccounts/search", search(ACCOUNT))
    grafana.on("PATCH /api/serviceaccounts/7", {})
    ask(grafana_service_account, name="boards", role="Viewer")
    wanted = {"name": "boards", "role": "Viewer", "isDisabled": False}
    assert grafana.written == [("PATCH /api/serviceaccounts/7", wanted)]


def test_token_options_that_cannot_be_used(ask: t.Any, grafana: t.Any) -> None:
    for options, said in (
        ({"mode": "0644"}, "shut others out"),
        ({"expires_in": "soon"}, "is no duration"),
        ({"expires_in": "1d", "rotate_before": "2d"}, "rotated in each run"),
        ({"dest": "token"}, "is not an absolute path"),
    ):
        tokens = [{"name": "ci", "dest": "/nowhere/token", **options}]
        result = ask(grafana_service_account, name="boards", tokens=tokens)
        assert result["failed"] and (said in result["msg"] or "dest" in options)
