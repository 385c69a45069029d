# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of day two: what runs, what ran, and journals of several hosts."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.plugin_utils import _tables

RUNS = {
    "name": "prometheus",
    "version": "3.13.5",
    "generation": 4,
    "active": True,
    "enabled": True,
    "since": "Sun 2026-11-22 16:53:42 UTC",
    "running_release": "3.13.5-4c0ffee1",
    "running_is_current": True,
    "owed": "",
    "hold": {},
    "generations": [],
}
HOLD = {"by": "anna", "at": "2026-11-22T17:00:00Z", "from_version": "3.13.6", "from": 5}


def row(**changes: t.Any) -> str:
    """The row of one service."""
    return _tables.status({"a": [{**RUNS, **changes}]}, {})[1]


def test_a_service_that_runs() -> None:
    assert row() == "a     prometheus  3.13.5   4           2026-11-22 16:53:42 UTC  running  yes"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"running_is_current": False}, "NO"),
        ({"running_is_current": False}, "the process is of 3.13.5-4c0ffee1"),
        ({"enabled": False}, "does not start at boot"),
        ({"owed": "prove generation 4"}, "owed: prove generation 4"),
        ({"hold": HOLD}, "held by anna since 2026-11-22 17:00:00 UTC, back from 3.13.6 (generation 5)"),
        ({"active": False, "since": "", "running_is_current": False}, "stopped  -"),
        ({"active": False, "generation": 0, "version": "", "since": ""}, "absent"),
    ],
)
def test_what_is_odd_is_told(changes: dict[str, t.Any], words: str) -> None:
    assert words in row(**changes)
    assert words not in row()


def test_a_host_that_is_down_has_a_row() -> None:
    table = _tables.status({"b": "could not be reached: refused", "a": [RUNS]}, {})
    assert [line.split()[0] for line in table] == ["HOST", "a", "b"]
    assert table[2].endswith("could not be reached: refused")


def test_what_the_inventory_wants_and_is_not_there_is_told() -> None:
    table = _tables.status({"a": [RUNS], "b": []}, {"a": ["prometheus", "alertmanager"]})
    assert table[1].split() == ["a", "alertmanager", "-", "-", "-", "absent", "-", "not", "installed"]
    assert "prometheus" in table[2] and "not installed" not in table[2]
    assert table[3].endswith("no service")


def test_history_tells_each_generation_newest_first() -> None:
    generations = [
        {"number": 5, "version": "3.13.6", "created": "2026-11-22T16:00:00Z", "state": "failed", "failure": "bad\nx"},
        {"number": 4, "version": "3.13.5", "created": "x", "committed": "x", "state": "committed", "current": True},
    ]
    service = {**RUNS, "generations": generations, "hold": HOLD}
    table = _tables.history({"a": [service], "b": [], "c": "down"}, "prometheus")
    assert table[1].split(maxsplit=5) == ["a", "5", "3.13.6", "2026-11-22", "16:00:00", "UTC  -       failed     bad"]
    assert "current; held by anna" in table[2] and "held" not in table[1]
    assert table[3].endswith("not installed") and table[4].endswith("down")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun 2026-11-22 16:53:42 CET", "2026-11-22 16:53:42 CET"),
        ("2026-11-22T16:53:42Z", "2026-11-22 16:53:42 UTC"),
        ("2026-11-22T16:53:42.123+00:00", "2026-11-22 16:53:42 UTC"),
        ("", "-"),
        ("n/a", "n/a"),
    ],
)
def test_moments_look_alike(text: str, expected: str) -> None:
    assert _tables.moment(text) == expected


def test_journals_name_the_host_only_where_there_are_several() -> None:
    assert _tables.journal({"a": ["x"]}, ["a"]) == ["x"]
    assert _tables.journal({"b": ["y"], "ab": ["x"]}, ["ab", "b"]) == ["ab | x", "b  | y"]
    assert _tables.journal({"b": ["y"]}, ["ab", "b"]) == ["b  | y"]
