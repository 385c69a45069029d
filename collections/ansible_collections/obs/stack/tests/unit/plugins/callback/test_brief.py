# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Only what a playbook tells reaches the standard output."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.callback import brief


@pytest.fixture
def callback(screen: t.Any) -> brief.CallbackModule:
    made = brief.CallbackModule()
    made._display = screen
    return made


def result(action: str, **answer: t.Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(result=answer, task=types.SimpleNamespace(action=action))


def test_a_table_is_shown_line_by_line(callback: brief.CallbackModule, screen: t.Any) -> None:
    callback.v2_runner_on_ok(result("ansible.builtin.debug", msg=["HOST  X", "a     1"]))
    callback.v2_runner_on_ok(result("debug", msg="one text"))
    assert screen.out == ["HOST  X", "a     1", "one text"]


def test_a_loop_shows_each_text(callback: brief.CallbackModule, screen: t.Any) -> None:
    callback.v2_runner_on_ok(result("debug", msg="All items", results=[{"msg": "a"}, {"skipped": True, "msg": "b"}]))
    assert screen.out == ["a"]


def test_other_tasks_are_not_shown(callback: brief.CallbackModule, screen: t.Any) -> None:
    callback.v2_runner_on_ok(result("ansible.builtin.command", msg="noise"))
    assert screen.out == []


def test_plays_are_named_beside_the_output(callback: brief.CallbackModule, screen: t.Any) -> None:
    callback.v2_playbook_on_play_start(types.SimpleNamespace(get_name=lambda: "Ask"))
    callback.v2_playbook_on_no_hosts_matched()
    assert screen.out == [] and screen.err == ["Ask …", "No host is in that group."]
