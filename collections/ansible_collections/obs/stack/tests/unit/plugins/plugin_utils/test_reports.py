# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_reports and _findings: one table of what checks found on many hosts."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG, Finding
from ansible_collections.obs.stack.plugins.plugin_utils._reports import found_in, report


def test_each_finding_is_a_row_and_each_wrong_one_a_line() -> None:
    result = report(
        {"b": [Finding("dns", "x", WRONG, "no such name", 0.25)], "a": [Finding("clock", "host", OK, "fine")]}
    )
    assert result["table"] == [
        "HOST  CHECK  TARGET  STATE  SECONDS",
        "a     clock  host    ok              fine",
        "b     dns    x       WRONG  0.2      no such name",
    ]
    assert result["wrong"] == ["b dns x: no such name"]
    assert result["counts"] == {"ok": 1, "warning": 0, "WRONG": 1, "skipped": 0}


def test_warnings_and_skipped_ones_are_wrong_only_where_asked() -> None:
    found = {"a": [Finding("clock", "host", WARNING, "w"), Finding("sample", "prometheus", SKIPPED, "s")]}
    assert report(found)["wrong"] == []
    assert report(found, strict=True)["wrong"] == ["a clock host: w", "a sample prometheus: s"]


def test_many_good_ones_of_a_kind_are_one_row() -> None:
    good = [Finding("peer", f"t{number}", OK, "reached", float(number)) for number in range(5)]
    bad = Finding("peer", "t9", WRONG, "refused")
    result = report({"a": [*good, bad, Finding("dns", "n", OK, "resolves")]})
    assert [line.split()[1:4] for line in result["table"][1:]] == [
        ["peer", "5", "targets"],
        ["peer", "t9", "WRONG"],
        ["dns", "n", "ok"],
    ]
    assert "t0, t1, t2 and 2 more" in result["table"][1] and " 4.0 " in result["table"][1]
    assert result["counts"]["ok"] == 6


def test_three_good_ones_stay_three_rows() -> None:
    assert len(report({"a": [Finding("peer", str(number), OK, "") for number in range(3)]})["table"]) == 4


def test_a_result_without_findings_could_not_be_asked() -> None:
    asked = {"findings": [Finding("dns", "x", OK, "y", 0.04).as_result()]}
    lost = {"unreachable": True, "msg": "no route to host"}
    broken = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\nno python"}
    found = found_in([asked, lost, broken, {"skipped": True}])
    assert found[0] == Finding("dns", "x", OK, "y", 0.0)
    result = report({"a": found[1:]})
    assert [line.split("  ")[-1].strip() for line in result["table"][1:]] == [
        "could not be reached: no route to host",
        "no python",
    ]
    # Ansible fails on that host by itself: telling it twice would help nobody.
    assert result["wrong"] == [] and result["counts"]["WRONG"] == 2
