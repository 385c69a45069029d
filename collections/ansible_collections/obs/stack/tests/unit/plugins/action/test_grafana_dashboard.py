# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half of grafana_dashboard: the file becomes the definition."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.action import grafana_dashboard


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the action; gives its result, and what the host was asked for."""
    asked: list[dict[str, Any]] = []

    def execute(self: Any, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        asked.append(module_args)
        return {"changed": False, "invocation": {"module_args": module_args}}

    def call(**args: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        asked.clear()
        action = grafana_dashboard.ActionModule.__new__(grafana_dashboard.ActionModule)
        action._task = types.SimpleNamespace(args=args)
        action._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
        return action.run(task_vars={}), list(asked)

    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(grafana_dashboard.ActionModule, "_execute_module", execute)
    monkeypatch.setattr(grafana_dashboard.ActionModule, "_find_needle", lambda self, folder, needle: needle)
    return call


def test_file_becomes_the_definition_and_is_not_echoed(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"title": "{{ kept }}"}')
    for option in ("path", "src"):
        result, ((asked),) = run(**{option: str(path), "folder_uid": "ops"})
        assert result == {"changed": False}
        assert asked == {"path": str(path), "folder_uid": "ops", "definition": {"title": "{{ kept }}"}}


def test_what_is_given_otherwise_is_handed_on(run: Any) -> None:
    for args in ({"definition": {"title": "x"}}, {"uid": "a", "state": "absent", "path": "gone.json"}):
        assert run(**args)[1] == [args]


def test_what_is_wrong_reaches_no_host(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("title: [")
    for args, said in (
        ({"path": str(path)}, "a.yaml (line 2"),
        ({"path": str(tmp_path / "nowhere.json")}, "No such file"),
        ({"path": str(path), "definition": {}}, "definition is given as well"),
    ):
        result, asked = run(**args)
        assert result["failed"] and said in result["msg"] and not asked
