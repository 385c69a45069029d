# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which generation a rollback means, and the least that gets there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._rollback import effect_between, previous_of


def generation(number: int, state: str = "committed", committed: str = "", **manifest: Any) -> Generation:
    base = {"state": state, "committed": committed or f"t{number}", "restart_key": "k", "files": {}, "reload": {}}
    return Generation(number=number, manifest={**base, **manifest}, unit_text="")


def test_previous_is_what_ran_before() -> None:
    assert previous_of([generation(1), generation(2)], 2) == 1
    assert previous_of([generation(1), generation(2, "failed"), generation(3)], 3) == 1, "a failed one never ran"
    assert previous_of([generation(1)], 1) is None
    assert previous_of([generation(1, "staged"), generation(2)], 2) is None


def test_previous_after_a_rollback_is_not_the_one_rolled_back_from() -> None:
    # 1, 2, back to 1 by hand (proven again at t3), then a new wish as 4.
    assert previous_of([generation(1, committed="t3"), generation(2), generation(4)], 4) == 1


FILE = {"digest": "1", "mode": "0640", "on_change": "reload"}


@pytest.mark.parametrize(
    ("old", "new", "active", "running", "effect"),
    [
        ({}, {}, False, "k", "start"),
        ({}, {"restart_key": "k2"}, True, "k", "restart"),
        (
            {"files": {"a": FILE}},
            {"files": {"a": {**FILE, "digest": "2"}}, "reload": {"signal": "HUP"}},
            True,
            "k",
            "reload",
        ),
        ({"files": {"a": FILE}}, {"files": {"a": {**FILE, "digest": "2"}}}, True, "k", "restart"),
        ({}, {}, True, "k", "none"),
    ],
)
def test_effect(old: dict, new: dict, active: bool, running: str, effect: str) -> None:
    assert effect_between(generation(2, **old), generation(1, **new), active=active, running_key=running) == effect
