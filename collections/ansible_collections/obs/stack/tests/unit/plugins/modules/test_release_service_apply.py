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


def payload(**plain: Any) -> str:
    item = {"path": "s", "content": base64.b64encode(SECRET.encode()).decode(), "mode": "0640", "on_change": "none"}
    document = {"name": "x", "root": "/opt/obs", "files": [{**item, "secret": True}], **plain}
    return base64.b64encode(json.dumps(document).encode()).decode()


def test_the_wish_is_applied_in_the_mode_asked_for(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def apply(wish: Any, *, check_mode: bool, with_diff: bool) -> Any:
        seen.append((wish.name, wish.state, check_mode))
        return Outcome(changed=True, action="upgrade", generation=4, warnings=["w " + SECRET]), Masker(wish.secrets)

    monkeypatch.setattr(module, "apply", apply)
    warned: list[str] = []
    monkeypatch.setattr(module.AnsibleModule, "warn", lambda self, text: warned.append(text))
    result = run_module(module, check_mode=True, name="x", payload=payload(state="stopped"))
    assert seen == [("x", "stopped", True)]
    assert (result["changed"], result["action"], result["generation"]) == (True, "upgrade", 4)
    assert warned == ["w " + MASK]


def test_a_failure_is_told_with_its_step(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(*_arguments: Any, **_options: Any) -> Any:
        raise StackError("Could not x", why="y", step="probe")

    monkeypatch.setattr(module, "apply", apply)
    result = run_module(module, name="x", payload=payload())
    assert (result["failed"], result["step"], result["msg"]) == (True, "probe", "Could not x: y.")
