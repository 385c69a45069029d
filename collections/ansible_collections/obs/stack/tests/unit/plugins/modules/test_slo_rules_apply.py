# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host half: payload in, outcome out, the password nowhere."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._slo_apply import Outcome
from ansible_collections.obs.stack.plugins.modules import slo_rules_apply as module

FILES = {"slo-a.yml": "groups: []\n"}


def payload() -> str:
    document = {"options": {"url_password": "secret-canary"}, "files": FILES}
    return base64.b64encode(zlib.compress(json.dumps(document).encode())).decode()


def test_the_rules_are_applied_in_the_mode_asked_for(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def apply(options: Any, wanted: Any, *, check_mode: bool, with_diff: bool) -> Outcome:
        seen.append((options["url_password"], wanted, check_mode))
        return Outcome(changed=True, written=["slo-a.yml"], warnings=["w"], validated=True)

    monkeypatch.setattr(module, "apply", apply)
    warned: list = []
    monkeypatch.setattr(module.AnsibleModule, "warn", lambda self, text: warned.append(text))
    result = run_module(module, check_mode=True, dest="/rules", payload=payload())
    assert seen == [("secret-canary", FILES, True)] and warned == ["w"]
    assert result["changed"] and result["written"] == ["slo-a.yml"] and result["validated"] is True
    assert "not_reloaded_because" not in result and "secret-canary" not in json.dumps(result)


def test_a_refusal_is_told_with_its_step(run_module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(*_args: Any, **_options: Any) -> Outcome:
        raise StackError("Could not x", why="y", step="check")

    monkeypatch.setattr(module, "apply", apply)
    result = run_module(module, dest="/rules", payload=payload())
    assert result["failed"] and result["msg"] == "Could not x: y." and result["step"] == "check"
