# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolling back by hand: what is refused, what is only predicted, what is noted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.modules import release_service_rollback as module


def test_a_service_that_is_not_there_is_said(run_module: Any, tmp_path: Any) -> None:
    for state in ("held", "lifted"):
        result = run_module(module, name="toy", root=str(tmp_path), state=state)
        assert result["failed"] and "not installed" in result["msg"] and "release_service_info" in result["msg"]


def test_options_are_passed_on(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def roll_back(root: str, name: str, **options: Any) -> dict[str, Any]:
        seen.update(options, root=root, name=name)
        return {"changed": True}

    monkeypatch.setattr(module, "roll_back", roll_back)
    deploy = {"host": "a", "silences": {"toy": []}}
    result = run_module(module, check_mode=True, name="toy", to="4", by="night shift", force=True, deploy=deploy)
    assert result == {"failed": False, "changed": True}
    assert seen.pop("deploy") == {**deploy, "alertmanagers": []} and callable(seen.pop("warn"))
    assert seen == {
        "root": "/opt/obs",
        "name": "toy",
        "to": "4",
        "by": "night shift",
        "force": True,
        "check_mode": True,
        "patience": 60,
    }


def test_a_failure_is_told_with_its_step(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def roll_back(*_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise StackError("Could not roll toy back", why="it did not get ready", step="probe")

    monkeypatch.setattr(module, "roll_back", roll_back)
    result = run_module(module, name="toy")
    assert result["failed"] and result["step"] == "probe"
