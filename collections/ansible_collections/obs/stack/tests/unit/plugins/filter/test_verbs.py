# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the verbs of day two."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.filter import verbs

FILTERS: dict[str, t.Callable[..., t.Any]] = verbs.FilterModule().filters()
GROUPS = {"prometheus": ["a"], "monitored": ["a", "b"]}
SERVICE = {"name": "node_exporter", "version": "1.12.1", "generation": 1, "active": True, "running_is_current": True}
DOWN = {"unreachable": True, "msg": "Connection refused"}


@pytest.mark.parametrize(
    ("service", "hosts", "words"),
    [
        ("", ["a"], "no service was named"),
        (
            "prom",
            ["a"],
            "does not know the service 'prom'. Give SERVICE= (-e service=) one of prometheus, alertmanager",
        ),
        ("alertmanager", ["a"], "no host of the inventory is in the group alertmanager"),
        ("prometheus", ["b"], "prometheus does not run on b. It runs on a"),
    ],
)
def test_service_problem(service: str, hosts: list[str], words: str) -> None:
    assert words in FILTERS["service_problem"](GROUPS, service, hosts)


def test_service_problem_is_empty_where_there_is_none() -> None:
    assert FILTERS["service_problem"](GROUPS, "node_exporter", ["b"]) == ""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["/opt/obs"]),
        ({"obs_root": "/srv/obs"}, ["/srv/obs"]),
        ({"prometheus_root": "/data/obs"}, ["/opt/obs", "/data/obs"]),
    ],
)
def test_service_roots(variables: dict[str, str], expected: list[str]) -> None:
    assert FILTERS["service_roots"](variables) == expected


def test_status_report_joins_roots_and_names_who_was_not_asked() -> None:
    second = {**SERVICE, "name": "prometheus"}
    hostvars = {
        "a": {"obs_status": {"results": [{"services": [SERVICE]}, {"services": [second]}]}},
        "b": {"obs_status": {"results": [DOWN]}},
        "c": {},
    }
    report = FILTERS["status_report"](hostvars, ["a", "b", "c"], GROUPS)
    assert [line.split()[:2] for line in report["table"][1:3]] == [["a", "node_exporter"], ["a", "prometheus"]]
    assert report["unasked"] == {"b": "could not be reached: Connection refused", "c": "was not asked"}


def test_history_report() -> None:
    service = {**SERVICE, "generations": [{"number": 1, "version": "1.12.1", "current": True}]}
    hostvars = {"a": {"obs_status": {"results": [{"services": [service]}]}}, "b": {"obs_status": {"results": [DOWN]}}}
    report = FILTERS["history_report"](hostvars, ["a", "b"], "node_exporter")
    assert report["table"][1].split() == ["a", "1", "1.12.1", "-", "-", "-", "current"]
    assert set(report["unasked"]) == {"b"}


def test_journal_report_keeps_the_lines_of_those_that_answer() -> None:
    hostvars = {
        "a": {"obs_journal": {"rc": 0, "stdout_lines": ["one", "two"]}},
        "b": {"obs_journal": DOWN},
        "c": {"obs_journal": {"rc": 1, "msg": "non-zero return code", "stderr": "Failed to parse timestamp: x"}},
        "d": {"obs_journal": {"rc": 0, "stdout_lines": []}},
    }
    report = FILTERS["journal_report"](hostvars, ["a", "b", "c", "d"])
    assert report["table"] == ["a | one", "a | two", "d | (no line)"]
    assert report["unasked"] == {
        "b": "could not be reached: Connection refused",
        "c": "Failed to parse timestamp: x",
    }


def test_journal_command_is_the_shared_one() -> None:
    assert FILTERS["journal_command"]("loki", lines="5")[-1] == "--lines=5"
