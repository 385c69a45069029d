# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half of grafana_dashboards: one archive and one call; what is wrong reaches no host."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.action import grafana_dashboards
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import Archive
from ansible_collections.obs.stack.plugins.modules import grafana_dashboards as module
from ansible_collections.obs.stack.tests.unit.documentation import documented, essence


class Action(grafana_dashboards.ActionModule):
    """The action with the edges to Ansible cut off."""

    def __init__(self, args: dict[str, Any]) -> None:
        shell = types.SimpleNamespace(tmpdir="/remote", join_path=lambda *parts: "/".join(parts))
        self._task = types.SimpleNamespace(args=args, check_mode=False, diff=True)  # type: ignore[assignment]
        self._connection = types.SimpleNamespace(_shell=shell)  # type: ignore[assignment]
        self.called: list[dict[str, Any]] = []
        self.archive: Any = None

    def _execute_module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.called.append({"module": module_name, **module_args})
        return {"changed": True, "invocation": {"module_args": module_args}}

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        Archive(local_path, grafana_dashboards.sha256_of(local_path))
        self.archive = [entry["uid"] for entry in Archive(local_path, grafana_dashboards.sha256_of(local_path)).index]

    def _fixup_perms2(self, paths: Any) -> None:
        """Nothing to fix."""

    def _remove_tmp_path(self, path: Any) -> None:
        """Nothing to remove."""

    def _find_needle(self, dirname: str, needle: str) -> str:
        if not Path(needle).exists():
            raise LookupError("Could not find '{0}'\nmore".format(needle))
        return needle


@pytest.fixture(autouse=True)
def base_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})


def test_one_file_and_one_call(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"title": "A", "uid": "a"}))
    action = Action({"path": [str(tmp_path)], "token": "canary", "grafana_url": "http://x", "owner": "repo"})
    result = action.run()
    (call,) = action.called
    assert result == {"changed": True} and action.archive == ["a"]
    assert call["module"] == "obs.stack.grafana_dashboards_apply"
    assert (call["token"], call["grafana_url"], call["owner"], call["prune"]) == ("canary", "http://x", "repo", False)
    assert call["archive"] == "/remote/dashboards.zip" and len(call["sha256"]) == 64
    assert not {"path", "definitions", "inputs"} & set(call)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "not exactly one of path and definitions"),
        ({"path": ["x"], "definitions": []}, "not exactly one of path and definitions"),
        ({"path": ["/nowhere"]}, "Could not find '/nowhere'"),
        ({"definitions": [], "prune": True}, "prune is set without an owner"),
        ({"definitions": [], "prune": True, "owner": "repo"}, "there is none, and all would be pruned"),
        ({"definitions": [{"uid": "a"}]}, "it has no title"),
        ({"definitions": [], "owner": "two words"}, "as the owner of dashboards"),
        ({"definitions": [], "pruned": True}, "Could not use the options of grafana_dashboards: pruned"),
    ],
)
def test_what_is_wrong_reaches_no_host(args: dict[str, Any], said: str) -> None:
    action = Action({"url": "http://x", "token": "t", **args})
    result = action.run()
    assert result["failed"] and said in result["msg"] and not action.called


def test_documentation_and_check_agree() -> None:
    assert documented(module) == essence(grafana_dashboards.ARGUMENT_SPEC, "options")
