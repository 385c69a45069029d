# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's truth table: what is wanted against what is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.obs.stack.plugins.module_utils._plan import Desired, Found, make_plan, no_return_reason


def entry(digest: str, on_change: str = "reload", mode: str = "0640") -> dict[str, object]:
    return {"digest": digest, "mode": mode, "on_change": on_change, "secret": False}


WANTED = Desired(
    state="started",
    enabled=True,
    version="3.13.5",
    release_id="3.13.5-aaaaaaaa",
    digest="d1",
    restart_key="k1",
    unit_digest="u1",
    files={"a.yml": entry("f1"), "web.yml": entry("w1", "none")},
    live={"x.yml": "l1"},
    reloads=True,
)
THERE = Found(
    generation=4,
    version="3.13.5",
    release_id="3.13.5-aaaaaaaa",
    digest="d1",
    files=WANTED.files,
    unit_digest="u1",
    enabled=True,
    active=True,
    running_key="k1",
    live={"x.yml": "l1"},
)


def test_nothing_to_do() -> None:
    plan = make_plan(WANTED, THERE)
    assert (plan.action, plan.effect, plan.changed, plan.reasons) == ("none", "none", False, ())


@pytest.mark.parametrize(
    ("wanted", "there", "action", "effect", "new_generation"),
    [
        # nothing there
        ({}, {"generation": None, "files": {}, "active": False}, "install", "start", True),
        ({}, {"generation": None, "files": {}, "active": False, "foreign": ("unit x",)}, "adopt", "start", True),
        # another release: always a restart
        ({"version": "3.14.0", "release_id": "r", "digest": "d2", "restart_key": "k2"}, {}, "upgrade", "restart", True),
        (
            {"version": "3.9.1", "release_id": "r", "digest": "d2", "restart_key": "k2"},
            {},
            "downgrade",
            "restart",
            True,
        ),
        ({"release_id": "3.13.5-b", "digest": "d2", "restart_key": "k2"}, {}, "reinstall", "restart", True),
        # files: the least that suffices
        ({"files": {**WANTED.files, "a.yml": entry("f2")}, "digest": "d2"}, {}, "reconfigure", "reload", True),
        ({"files": {**WANTED.files, "web.yml": entry("w2", "none")}, "digest": "d2"}, {}, "reconfigure", "none", True),
        ({"files": {"web.yml": entry("w1", "none")}, "digest": "d2"}, {}, "reconfigure", "reload", True),
        (
            {"files": {**WANTED.files, "a.yml": entry("f1", mode="0600")}, "digest": "d2"},
            {},
            "reconfigure",
            "reload",
            True,
        ),
        (
            {"files": {**WANTED.files, "a.yml": entry("f2")}, "digest": "d2", "reloads": False},
            {},
            "reconfigure",
            "restart",
            True,
        ),
        # edited by hand: digests of manifest and wish agree, the disk does not
        ({}, {"files": {**WANTED.files, "a.yml": entry("hand")}}, "reconfigure", "reload", True),
        # argv, environment or unit: the restart key
        ({"restart_key": "k2", "digest": "d2"}, {}, "reconfigure", "restart", True),
        # what got lost
        ({}, {"running_key": "old"}, "heal", "restart", False),
        ({}, {"running_key": ""}, "heal", "restart", False),
        ({}, {"owed": "reload"}, "heal", "reload", False),
        ({"reloads": False}, {"owed": "reload"}, "heal", "restart", False),
        ({}, {"active": False}, "start", "start", False),
        ({}, {"unproven": 4, "interrupted": True}, "heal", "none", False),
        ({}, {"interrupted": True}, "heal", "none", False),
        ({}, {"intact": False}, "heal", "none", False),
        ({}, {"unit_known": False}, "heal", "none", False),
        ({}, {"enabled": False}, "reconfigure", "none", False),
        ({"live": {"x.yml": "l2"}}, {}, "reconfigure", "none", False),
        ({"live": {}}, {}, "reconfigure", "none", False),
        # stopped
        ({"state": "stopped"}, {}, "stop", "stop", False),
        ({"state": "stopped"}, {"active": False}, "none", "none", False),
        ({"state": "stopped", "digest": "d2", "restart_key": "k2"}, {"active": False}, "reconfigure", "none", True),
        ({"state": "stopped"}, {"active": False, "interrupted": True}, "heal", "none", False),
    ],
)
def test_plan(wanted: dict, there: dict, action: str, effect: str, new_generation: bool) -> None:
    plan = make_plan(replace(WANTED, **wanted), replace(THERE, **there))
    assert (plan.action, plan.effect, plan.new_generation) == (action, effect, new_generation)
    assert plan.changed is (action != "none")
    assert plan.reloaded is (effect == "reload")
    assert plan.restarted is (effect == "restart")


def test_what_an_interrupted_run_left_is_proven_and_closed() -> None:
    plan = make_plan(WANTED, replace(THERE, interrupted=True))
    assert plan.prove and plan.close
    stopped = make_plan(replace(WANTED, state="stopped"), replace(THERE, active=False, interrupted=True))
    assert stopped.close and not stopped.prove, "a stopped service cannot be asked"
    changed = make_plan(replace(WANTED, digest="d2"), replace(THERE, interrupted=True))
    assert changed.new_generation and not changed.prove, "the new generation is what is proven"


def test_unit_is_written_when_it_differs() -> None:
    assert make_plan(replace(WANTED, unit_digest="u2"), THERE).write_unit
    assert not make_plan(WANTED, THERE).write_unit


def test_live_files_are_named_by_what_happens_to_them() -> None:
    plan = make_plan(replace(WANTED, live={"y.yml": "l"}), THERE)
    assert (plan.live_changed, plan.live_removed) == (("y.yml",), ("x.yml",))


def test_a_hold_skips_exactly_the_wish_it_was_made_for() -> None:
    assert make_plan(WANTED, replace(THERE, held="d1", digest="d0")).action == "held"
    assert not make_plan(WANTED, replace(THERE, held="d1", digest="d0")).changed
    assert make_plan(replace(WANTED, digest="d2"), replace(THERE, held="d1", digest="d0")).action == "reconfigure"


@pytest.mark.parametrize(
    ("newer", "older", "harm"),
    [
        ("0.32.1", "0.31.1", True),
        ("0.32.0", "0.31.1", True),
        ("0.32.3", "0.31.1", False),
        ("0.31.1", "0.30.0", False),
        ("0.32.1", "0.32.0", False),
    ],
)
def test_no_return(newer: str, older: str, harm: bool) -> None:
    data = {"no_return": [{"at_least": "0.32.0", "less_than": "0.32.3", "below": "0.32.0", "reason": "snapshots"}]}
    assert no_return_reason(data, newer=newer, older=older) == ("snapshots" if harm else "")


def test_a_service_that_is_replaced_is_a_change_of_its_own() -> None:
    plan = make_plan(WANTED, replace(THERE, replaced=("old",)))
    assert (plan.action, plan.effect, plan.changed, plan.replaced) == ("replace", "none", True, ("old",))
    assert plan.reasons == ("old is replaced",) and not plan.new_generation


def test_what_is_done_besides_gives_the_name() -> None:
    gone = replace(THERE, generation=None, files={}, active=False, replaced=("old",))
    assert make_plan(WANTED, gone).action == "install"
    assert make_plan(WANTED, replace(THERE, active=False, replaced=("old",))).action == "start"


def test_a_service_that_is_stopped_replaces_nothing() -> None:
    plan = make_plan(replace(WANTED, state="stopped"), replace(THERE, active=False, replaced=("old",)))
    assert not plan.changed and plan.replaced == ()
