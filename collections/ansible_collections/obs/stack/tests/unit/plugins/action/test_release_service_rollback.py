# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half of release_service_rollback: the host gets of `deploy` what its service needs."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.action import release_service_rollback


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[dict[str, t.Any], list[t.Any]]]:
    """Runs the action; its result, and what the host was handed."""

    def call(**arguments: t.Any) -> tuple[dict[str, t.Any], list[t.Any]]:
        handed: list[t.Any] = []

        def execute(self: t.Any, module_args: t.Any, task_vars: t.Any) -> dict[str, t.Any]:
            handed.append(module_args)
            return {"changed": True}

        monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})
        monkeypatch.setattr(release_service_rollback.ActionModule, "_execute_module", execute)
        action = release_service_rollback.ActionModule.__new__(release_service_rollback.ActionModule)
        action._task = types.SimpleNamespace(args=arguments, check_mode=True)
        action._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
        return action.run(task_vars={}), handed

    return call


def test_the_host_gets_what_its_service_needs(run: t.Any) -> None:
    deploy = {"host": "a", "alertmanagers": [{"url": "http://b:9093"}], "silences": {"toy": [["x"]], "other": [["y"]]}}
    result, handed = run(name="toy", to="4", deploy=deploy)
    assert result == {"changed": True}
    assert handed == [{"name": "toy", "to": "4", "deploy": {**deploy, "silences": {"toy": [["x"]]}}}]


def test_a_file_that_is_missing_stops_it_before_the_host_is_asked(run: t.Any) -> None:
    asked = [{"url": "https://b:9093", "ca": "/nowhere/ca.pem"}]
    result, handed = run(name="toy", deploy={"alertmanagers": asked, "silences": {"toy": [["x"]]}})
    assert result["failed"] and "/nowhere/ca.pem" in result["msg"] and not handed
