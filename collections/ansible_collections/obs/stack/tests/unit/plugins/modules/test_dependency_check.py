# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module dependency_check: it asks for everything, in order, and fails only when it should."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _asking
from ansible_collections.obs.stack.plugins.modules import dependency_check


def check(target: str, kind: str = "none", **fields: t.Any) -> dict[str, t.Any]:
    return {"check": "c", "target": target, "kind": kind, "reason": "not told", **fields}


def test_findings_come_in_the_order_of_the_checks(run_module: t.Any) -> None:
    result = run_module(dependency_check, checks=[check(str(number)) for number in range(40)])
    assert not result["failed"] and not result["changed"]
    assert [finding["target"] for finding in result["findings"]] == [str(number) for number in range(40)]
    assert {finding["state"] for finding in result["findings"]} == {"skipped"}


def test_what_is_wrong_fails_naming_each(run_module: t.Any) -> None:
    wrong = check("gone", "certificate", file="/nowhere", warn=30, fail=7)
    bad = check("full", "disk", file="/", warn=101, fail=100.1)
    result = run_module(dependency_check, checks=[wrong, bad])
    assert result["failed"] and "c full: " in result["msg"] and "gone" not in result["msg"]
    told = run_module(dependency_check, checks=[wrong, bad], fail=False)
    assert not told["failed"] and [f["state"] for f in told["findings"]] == ["warning", "WRONG"]


def test_it_waits_as_long_as_it_was_told(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setitem(_asking.KINDS, "none", lambda check, timeout: seen.append(timeout) or ("ok", ""))
    run_module(dependency_check, checks=[check("x")], timeout=1.5)
    assert seen == [1.5]


@pytest.mark.parametrize(
    ("answer", "expected"), [("NTPSynchronized=yes\n", True), ("NTPSynchronized=no\n", False), ("", None)]
)
def test_the_clock_is_told_for_the_controller_to_judge(
    run_module: t.Any, monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool | None
) -> None:
    asked = []

    def command(self: t.Any, argv: list[str]) -> tuple[int, str, str]:
        asked.append(argv[1:])
        return 0, answer, ""

    monkeypatch.setattr(dependency_check.AnsibleModule, "get_bin_path", lambda self, name: "/bin/" + name)
    monkeypatch.setattr(dependency_check.AnsibleModule, "run_command", command)
    result = run_module(dependency_check, checks=[check("clock", "clock", warn=1, fail=10)])
    assert result["clock"]["synchronised"] is expected and result["clock"]["began"] <= result["clock"]["ended"]
    assert asked == [["show", "--property=NTPSynchronized"]]
    assert run_module(dependency_check, checks=[check("x")])["clock"]["synchronised"] is None and len(asked) == 1


def test_a_host_without_timedatectl_does_not_tell(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependency_check.AnsibleModule, "get_bin_path", lambda self, name: None)
    result = run_module(dependency_check, checks=[check("clock", "clock", warn=1, fail=10)])
    assert result["clock"]["synchronised"] is None


@pytest.mark.parametrize(
    "lacking",
    [
        {"kind": "tcp"},
        {"kind": "tcp", "address": "x"},
        {"kind": "http", "address": "x"},
        {"kind": "dns"},
        {"kind": "fetch"},
        {"kind": "tls", "address": "x", "port": 1},
        {"kind": "disk", "file": "/"},
        {"kind": "certificate"},
        {"kind": "clock"},
        {"kind": "ftp"},
    ],
)
def test_a_check_that_lacks_something_is_refused(run_module: t.Any, lacking: dict[str, t.Any]) -> None:
    result = run_module(dependency_check, checks=[{"check": "c", "target": "t", **lacking}])
    assert result["failed"] and "findings" not in result


def test_secrets_are_no_part_of_the_result(run_module: t.Any) -> None:
    given = check("x", "http", address="127.0.0.1", port=1, username="u", password="canary-1", query="canary-2")
    fetch = check("y", "fetch", url="http://127.0.0.1:1/x", userinfo="u:canary-3", headers={"X-Token": "canary-4"})
    result = run_module(dependency_check, checks=[given, fetch], fail=False)
    assert [finding["state"] for finding in result["findings"]] == ["WRONG", "WRONG"]
    assert "canary" not in json.dumps(result)
    options = dependency_check.CHECK
    assert {name for name in options if options[name].get("no_log")} == {
        "query",
        "password",
        "userinfo",
        "proxy",
        "headers",
    }
