# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callback hears of failures, and tells those that made the run fail."""

from __future__ import annotations

import types
import typing as t

from ansible_collections.obs.stack.plugins.callback import cause


def heard(
    host: str, result: dict[str, t.Any], *, ignore_unreachable: bool = False, action: str = "x", run_once: bool = False
) -> types.SimpleNamespace:
    """A result as callbacks get it."""
    task = types.SimpleNamespace(
        ignore_unreachable=ignore_unreachable, get_name=lambda: "Ask", action=action, run_once=run_once
    )
    return types.SimpleNamespace(result=result, task=task, host=types.SimpleNamespace(get_name=lambda: host))


def stats(**failures: int) -> types.SimpleNamespace:
    return types.SimpleNamespace(failures=failures, dark={})


def test_failures_are_told_at_the_end_on_the_standard_error(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    callback.v2_runner_on_failed(heard("a", {"msg": "no room"}))
    assert screen.err == []
    callback.v2_playbook_on_stats(stats(a=1))
    assert screen.err == ["Cause: a: no room"] and screen.out == []


def test_ignored_failures_are_not_told(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    callback.v2_runner_on_failed(heard("a", {"msg": "no room"}), ignore_errors=True)
    callback.v2_runner_on_unreachable(heard("a", {"msg": "down"}, ignore_unreachable=True))
    callback.v2_playbook_on_stats(stats(a=1))
    assert screen.err == []


def test_unreachable_hosts_are_told(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    callback.v2_runner_on_unreachable(heard("a", {"msg": "Connection refused"}))
    callback.v2_playbook_on_stats(types.SimpleNamespace(failures={}, dark={"a": 1}))
    assert screen.err == ["Cause: a: could not be reached: Connection refused"]


def test_a_good_run_tells_nothing(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    callback.v2_playbook_on_stats(stats())
    assert screen.err == []


def test_no_log_stays_hidden(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    callback.v2_runner_on_failed(heard("a", {"censored": "hidden", "msg": "canary"}))
    callback.v2_playbook_on_stats(stats(a=1))
    assert len(screen.err) == 1 and "canary" not in screen.err[0]


def test_a_playbooks_own_judgement_speaks_for_all(screen: t.Any) -> None:
    callback = cause.CallbackModule()
    callback._display = screen
    result = {"msg": "b is down\nc is slow"}
    callback.v2_runner_on_failed(heard("a", result, action="ansible.builtin.assert", run_once=True))
    callback.v2_playbook_on_stats(stats(a=1))
    assert screen.err == ["Cause: b is down", "Cause: c is slow"]


def test_filters_are_read_before_anything_is_forked(monkeypatch):
    asked = []
    monkeypatch.setattr(cause, "preload_filters", lambda: asked.append(True))
    cause.CallbackModule().v2_playbook_on_start(None)
    assert asked == [True]
