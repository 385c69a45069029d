# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half of dependency_check: it judges the host's clock by its own."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.obs.stack.plugins.action import dependency_check

CLOCK = {"check": "clock", "target": "system clock", "kind": "clock", "warn": 1, "fail": 10}
OTHER = {"check": "dns", "target": "x", "kind": "dns", "address": "x"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    """Runs the action against a host that is so many seconds ahead, with two seconds on the way."""

    def call(ahead: float = 0.0, *, kept: bool = True, answer: t.Any = None, **arguments: t.Any) -> dict[str, t.Any]:
        own = iter([1000.0, 1002.0])
        monkeypatch.setattr(dependency_check.time, "time", lambda: next(own))
        monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})
        empty = {"check": "c", "target": "t", "state": "skipped", "detail": "", "seconds": 0.0}
        found = [dict(empty), dict(empty)]
        times = {"began": 1001.0 + ahead, "ended": 1001.5 + ahead, "synchronised": kept}
        monkeypatch.setattr(
            dependency_check.ActionModule,
            "_execute_module",
            lambda self, task_vars: answer or {"changed": False, "findings": found, "clock": times},
        )
        action = dependency_check.ActionModule.__new__(dependency_check.ActionModule)
        action._task = types.SimpleNamespace(args={"checks": [CLOCK, OTHER], **arguments})
        action._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
        return action.run(task_vars={})

    return call


def test_the_clock_is_judged_and_nothing_else_touched(run: t.Any) -> None:
    result = run()
    clock, other = result["findings"]
    assert (clock["state"], clock["detail"]) == ("ok", "synchronised; within 1.0 s of the controller")
    assert other["state"] == "skipped" and not result.get("failed")
    assert run(kept=False)["findings"][0]["state"] == "warning"


def test_a_clock_that_is_off_fails_unless_it_is_to_be_told_only(run: t.Any) -> None:
    result = run(60.0)
    assert result["failed"] and "s ahead of the controller" in result["msg"]
    assert result["findings"][0]["detail"].startswith("59.5 s ahead")
    for no in (False, "no", "False"):
        told = run(-60.0, fail=no)
        assert not told.get("failed") and told["findings"][0]["state"] == "WRONG"


def test_a_host_that_cannot_be_asked_is_passed_on(run: t.Any) -> None:
    assert run(answer={"failed": True, "msg": "no python"}) == {"failed": True, "msg": "no python"}
