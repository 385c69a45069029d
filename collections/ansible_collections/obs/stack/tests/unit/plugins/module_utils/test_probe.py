# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure parts of probing: what counts as dead, as reloaded, as settled."""

from __future__ import annotations

import ssl
from typing import Any, cast

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _probe, _systemd
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._probe import (
    Prober,
    ReloadMark,
    dead_reason,
    measure,
    reload_verdict,
    settled,
    value_at,
)
from ansible_collections.obs.stack.plugins.module_utils._systemd import UnitState


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        ((1, 10), (1, 11), True),
        ((1, 10), (1, 10), None),
        ((1, 10), (0, 10), False),
        ((0, 10), (0, 10), None),  # it was down before: says nothing of this reload
        ((0, 10), (1, 11), True),
        ((1, 10), (None, None), None),
        ((None, None), (1, 11), True),
        ((None, None), (0, 11), False),
    ],
)
def test_reload_verdict(before: tuple, now: tuple, verdict: Any) -> None:
    assert reload_verdict(ReloadMark(*before), ReloadMark(*now)) is verdict


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [(10, 11, True), (10, 10, None), (10, None, None), (None, 11, True)],
)
def test_reload_verdict_where_only_the_time_is_told(before: Any, now: Any, verdict: Any) -> None:
    assert reload_verdict(ReloadMark(None, before), ReloadMark(None, now), flagged=False) is verdict


def state(**changes: Any) -> UnitState:
    values: dict[str, Any] = {
        "load": "loaded",
        "active": "active",
        "sub": "running",
        "main_pid": 7,
        "invocation": "i1",
        "restarts": 0,
        "file_state": "enabled",
        "fragment": "/x",
        "drop_ins": (),
        "needs_reload": False,
        "exit_code": "1",
        "exit_status": "2",
        "exec_pid": 7,
        "since": "",
    }
    return UnitState(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"active": "activating", "sub": "start"}, ""),
        ({"active": "failed"}, "exited with status 2"),
        ({"active": "activating", "sub": "auto-restart"}, "exited with status 2"),
        ({"active": "failed", "exit_code": "2", "exit_status": "9"}, "killed by signal 9"),
        ({"active": "inactive"}, "stopped"),
        ({"invocation": "i2"}, "started anew"),
    ],
)
def test_dead_reason(changes: dict, word: str) -> None:
    reason = dead_reason(state(**changes), invocation="i1")
    assert (word in reason) if word else not reason


def test_masked_in_either_way() -> None:
    assert state(load="masked").is_masked and state(file_state="masked-runtime").is_masked and not state().is_masked


DOCUMENT = {"cluster": {"status": "ready", "peers": [1, 2]}, "data": {"result": [{"value": [0, "3"]}]}}


@pytest.mark.parametrize(
    ("path", "value"),
    [("cluster.status", "ready"), ("data.result.0.value.1", "3"), ("cluster.nothing", None), ("data.result.9", None)],
)
def test_value_at(path: str, value: Any) -> None:
    assert value_at(DOCUMENT, path) == value


@pytest.mark.parametrize(
    ("condition", "before", "holds"),
    [
        ({"json": "cluster.status", "equals": "ready"}, None, True),
        ({"json": "cluster.status", "equals": "settling"}, None, False),
        ({"json": "cluster.peers", "count": True, "at_least": "2"}, None, True),
        ({"json": "cluster.peers", "count": True, "at_least": "3"}, None, False),
        ({"json": "cluster.peers", "count": True, "at_least": "before"}, 2, True),
        ({"json": "cluster.peers", "count": True, "at_least": "before"}, 3, False),
        ({"json": "cluster.peers", "count": True, "at_least": "before"}, None, True),
        ({"json": "data.result.0.value.1", "at_least": "3"}, None, True),
        ({"json": "cluster.nothing", "at_least": "1"}, None, False),
    ],
)
def test_settled(condition: dict, before: Any, holds: bool) -> None:
    assert settled(measure(DOCUMENT, condition), condition, before) is holds


class Untrusted:
    """An endpoint whose certificate nobody trusts."""

    address, port = "127.0.0.1", 1

    def get(self, path: str) -> tuple[int, bytes]:
        error = ssl.SSLCertVerificationError("x")
        error.verify_message = "self-signed certificate"
        raise error


def test_a_certificate_nobody_trusts_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_probe, "state_of", lambda unit: state())
    monkeypatch.setattr(_probe, "journal_of", lambda invocation, **_more: [])
    prober = Prober("x", cast("Any", Untrusted()), {})
    with pytest.raises(StackError, match="self-signed certificate"):
        prober.wait_ready(timeout=3600, restart_key="")


@pytest.mark.parametrize(("current", "asked"), [("i1", "_SYSTEMD_INVOCATION_ID=i1 + _PID=7"), ("i2", "=i1")])
def test_a_dead_process_is_quoted_also_where_journald_knows_only_its_number(
    monkeypatch: pytest.MonkeyPatch, current: str, asked: str
) -> None:
    """The number counts only while systemd still tells of the same start."""
    calls: list[str] = []

    def run(argv: list[str], **_more: Any) -> tuple[int, str, str]:
        calls.append(" ".join(argv))
        return 0, "unknown flag\n" if "-o" in argv else "", ""

    monkeypatch.setattr(_probe, "state_of", lambda _unit: state(active="failed", invocation=current))
    monkeypatch.setattr(_systemd, "run", run)
    error = Prober("x", None, {})._failure("it died", "i1")
    assert "unknown flag" in str(error)
    assert calls[0] == "journalctl --sync" and calls[1].endswith(asked), calls
