# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A failed run is told in one line for each cause."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.plugin_utils._causes import LONGEST, Failure, causes_of, report

DOCKER = (
    "Failed to create temporary directory. In some cases, you may have been able to log in. Failed command was: "
    "( mkdir -p x ), exited with result 1, stderr output: b'Error response from daemon: no such container\\n'"
)
SSH = "Failed to connect to the host via ssh: Warning: added to the list of known hosts.\r\nme@x: Permission denied."


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"msg": "Could not do it: no room.\nFree some."}, ["Could not do it: no room."]),
        ({"msg": "Task failed: Module failed: Could not do it."}, ["Could not do it."]),
        ({"msg": ["first", "second"]}, ["first"]),
        ({"msg": "non-zero return code", "stderr": "a\nlast words\n"}, ["Ask: last words"]),
        ({"msg": "non-zero return code", "stderr": ""}, ["Ask: non-zero return code"]),
        ({"msg": "Module result deserialization failed: No start", "module_stderr": "gone\n"}, ["gone"]),
        ({}, ["Ask: failed without a word"]),
        ({"censored": "the output has been hidden", "msg": "hunter22"}, ["Ask: its output is hidden by no_log"]),
        (
            {"msg": "One or more items failed", "results": [{"msg": "ok"}, {"failed": True, "msg": "bad"}]},
            ["bad"],
        ),
        (
            {"msg": "2 failed", "results": [{"failed": True, "msg": "same"}, {"failed": True, "msg": "same"}]},
            ["same"],
        ),
    ],
)
def test_first_line_of_what_failed(result: dict[str, t.Any], expected: list[str]) -> None:
    assert causes_of(result, "Ask") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SSH, "could not be reached: me@x: Permission denied."),
        (DOCKER, "could not be reached: Error response from daemon: no such container"),
        ("", "could not be reached: no reason was given"),
    ],
)
def test_unreachable_host_is_told_by_the_last_words_of_its_client(text: str, expected: str) -> None:
    assert causes_of({"unreachable": True, "msg": text}, "Ask", unreachable=True) == [expected]


def test_unreachable_in_a_loop_is_told_once() -> None:
    item = {"unreachable": True, "msg": SSH}
    found = causes_of({"unreachable": True, "msg": "", "results": [item, item]}, "Ask", unreachable=True)
    assert found == ["could not be reached: me@x: Permission denied."]


def test_a_novel_is_cut() -> None:
    (line,) = causes_of({"msg": "x" * 1000}, "Ask")
    assert len(line) == LONGEST and line.endswith("…")


def test_hosts_of_one_cause_share_its_line() -> None:
    failures = {"a": [Failure(["no room"])], "b": [Failure(["no room"])], "c": [Failure(["no power"])]}
    assert report(failures, {"a": 1, "b": 1, "c": 1}) == ["Cause: a, b: no room", "Cause: c: no power"]


def test_many_hosts_are_counted() -> None:
    hosts = [f"h{number}" for number in range(7)]
    (line,) = report({host: [Failure(["down"])] for host in hosts}, dict.fromkeys(hosts, 1))
    assert line == "Cause: h0, h1, h2, h3, h4 and 2 more: down"


def test_what_was_rescued_is_no_cause() -> None:
    failures = {"a": [Failure(["rescued"]), Failure(["real"])], "b": [Failure(["rescued"])]}
    assert report(failures, {"a": 1, "b": 0}) == ["Cause: a: real"]


def test_every_line_of_a_judgement_is_a_cause() -> None:
    assert causes_of({"msg": "a is wrong\nb is wrong"}, "Judge", judged=True) == ["a is wrong", "b is wrong"]
    many = causes_of({"msg": [f"{number} is wrong" for number in range(7)]}, "Judge", judged=True)
    assert many[-2:] == ["4 is wrong", "and 2 more, see above"]


def test_what_runs_once_names_no_host() -> None:
    assert report({"a": [Failure(["x is wrong"], once=True)]}, {"a": 1}) == ["Cause: x is wrong"]
