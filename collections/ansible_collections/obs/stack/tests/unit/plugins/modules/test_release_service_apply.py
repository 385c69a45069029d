# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host half: payload in, outcome out, secrets nowhere."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._masking import MASK, Masker
from ansible_collections.obs.stack.plugins.module_utils._outcome import Outcome
from ansible_collections.obs.stack.plugins.modules import release_service_apply as module

SECRET = "secret-canary"


def payload(*wishes: dict) -> str:
    return base64.b64encode(json.dumps([service(**wish) for wish in wishes]).encode()).decode()


def service(**plain: Any) -> dict:
    item = {"path": "s", "content": base64.b64encode(SECRET.encode()).decode(), "mode": "0640", "on_change": "none"}
    return {"name": "x", "root": "/opt/obs", "files": [{**item, "secret": True}], **plain}


def test_the_wish_is_applied_in_the_mode_asked_for(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def apply(wish: Any, *, check_mode: bool, with_diff: bool) -> Any:
        seen.append((wish.name, wish.state, check_mode))
        return Outcome(changed=True, action="upgrade", generation=4, warnings=["w " + SECRET]), Masker(wish.secrets)

    monkeypatch.setattr(module, "apply", apply)
    warned: list[str] = []
    monkeypatch.setattr(module.AnsibleModule, "warn", lambda self, text: warned.append(text))
    result = run_module(module, check_mode=True, name="x", payload=payload({"state": "stopped"}))
    assert seen == [("x", "stopped", True)]
    (told,) = result["results"]
    assert result["changed"] and (told["changed"], told["action"], told["generation"]) == (True, "upgrade", 4)
    assert warned == ["w " + MASK]


@pytest.mark.parametrize("end", ["failed", "need_release"])
def test_services_are_gone_through_up_to_one_that_cannot_go_on(
    end: str, run_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def apply(wish: Any, **_options: Any) -> Any:
        seen.append(wish.name)
        if wish.name == "b" and end == "failed":
            raise StackError("Could not x", why="y", step="probe")
        return Outcome(need_release={"arch": "arm64"} if wish.name == "b" else None), Masker([])

    monkeypatch.setattr(module, "apply", apply)
    result = run_module(module, name="a, b, c", payload=payload({"name": "a"}, {"name": "b"}, {"name": "c"}))
    assert seen == ["a", "b"] and len(result["results"]) == 2 and result["changed"] is False
    last = result["results"][1]
    if end == "failed":
        assert (last["failed"], last["step"], last["msg"]) == (True, "probe", "Could not x: y.")
    else:
        assert last["need_release"] == {"arch": "arm64"}
