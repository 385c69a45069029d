# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Periods in use neither change nor go; what lies ahead may."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._adoption import Foreign
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._inspect import Host
from ansible_collections.obs.stack.plugins.module_utils._periods import refused_change
from ansible_collections.obs.stack.plugins.module_utils._plan import Found, Plan
from ansible_collections.obs.stack.plugins.module_utils._refusals import refuse_what_is_wrong
from ansible_collections.obs.stack.plugins.module_utils._rollback import _periods_reason
from ansible_collections.obs.stack.plugins.module_utils._systemd import UnitState
from ansible_collections.obs.stack.plugins.module_utils._wish import Wish

TODAY = "2026-11-22"
OLD: dict[str, t.Any] = {"from": "2024-04-01", "store": "boltdb-shipper", "schema": "v12", "index": {"period": "24h"}}
NEW: dict[str, t.Any] = {"from": "2026-11-22", "store": "tsdb", "schema": "v13", "index": {"period": "24h"}}
AHEAD: dict[str, t.Any] = dict(NEW, **{"from": "2026-11-23"})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [OLD]),
        ([], [OLD, AHEAD]),
        ([OLD], [OLD]),
        ([OLD], [OLD, AHEAD]),
        ([OLD, AHEAD], [OLD]),
        ([OLD, AHEAD], [OLD, dict(AHEAD, schema="v14")]),
        ([OLD, NEW], [OLD, NEW, AHEAD]),
        ([OLD], [dict(OLD, index={"period": "24h"})]),
    ],
)
def test_allowed(before: list[dict[str, t.Any]], after: list[dict[str, t.Any]]) -> None:
    assert refused_change(before, after, TODAY) == ""


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([OLD], [dict(OLD, schema="v13")], 'schema: "v12" -> "v13"'),
        ([OLD], [dict(OLD, index={"period": "24h", "prefix": "x"})], "index: "),
        ([OLD], [dict(OLD, row_shards=16)], "row_shards: null -> 16"),
        ([OLD, NEW], [OLD], "2026-11-22 is in use and would be gone"),
        ([OLD], [NEW], "2024-04-01 is in use and would be gone"),
        ([OLD], [OLD, NEW], "only begin after today (2026-11-22), not on 2026-11-22"),
        ([], [AHEAD], "none of its periods has begun (the first is from 2026-11-23)"),
        ([OLD], [], "none of its periods has begun (the first is from none)"),
    ],
)
def test_refused(before: list[dict[str, t.Any]], after: list[dict[str, t.Any]], words: str) -> None:
    assert words in refused_change(before, after, TODAY)


def generation(periods: list[dict[str, t.Any]]) -> Generation:
    return Generation(2, {"release": {"version": "1.0.0", "id": "x"}, "data": {"periods": periods}}, "")


def test_a_run_refuses_before_anything_changes() -> None:
    unit = UnitState("loaded", "active", "running", 0, "", 0, "", "", (), False, "", "", "")
    host = Host(unit, generation([OLD]), None, {}, {}, {}, Foreign(), b"", Found())
    wish = Wish(
        name="x", root="/opt/obs", account={"user": "u", "group": "g"}, data={"periods": [dict(OLD, schema="v13")]}
    )
    with pytest.raises(StackError, match="2024-04-01 is in use and would change"):
        refuse_what_is_wrong(wish, host=host, plan=Plan(new_generation=True))
    assert not refuse_what_is_wrong(wish, host=host, plan=Plan()), "nothing of it is applied"


def test_a_rollback_keeps_what_is_in_use() -> None:
    begun = dict(NEW, **{"from": "2025-01-01"})
    assert "would be gone" in _periods_reason(generation([OLD, begun]), generation([OLD]))
    assert _periods_reason(generation([OLD]), generation([OLD])) == ""
    assert _periods_reason(generation([]), generation([])) == ""
