# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_token and _grafana_api_account: when a token is made, when it is rotated, and which ones go."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _grafana_api_account
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_token import (
    File,
    Token,
    TokenWish,
    epoch,
    held,
    plan_token,
    series,
    wish_of,
)

NOW = 1_000_000.0
DAY = 86400.0


def token(serial: int, *, age: float = 1.0, left: float | None = None, live: bool = True) -> Token:
    """One that is so many days old and has so many left."""
    expires = None if left is None else NOW + left * DAY
    return Token(serial, serial, "a-ci-{0}".format(serial), NOW - age * DAY, expires, live)


def holding(one: Token, **more: t.Any) -> File:
    return File(there=True, mark=one.mark, **more)


def wish(**more: t.Any) -> TokenWish:
    return TokenWish("ci", "/etc/token", **more)


CASES: list[t.Any] = [
    # What is wanted, tokens, which of them the file holds; the one that is made, the ones that go.
    ("nothing there", wish(), [], None, "a-ci-1", []),
    ("as wanted", wish(), [token(1)], 1, "", []),
    ("file gone", wish(), [token(1)], None, "a-ci-2", [1]),
    ("far from expiring", wish(expires_in=30 * DAY, rotate_before=DAY), [token(1, left=20)], 1, "", []),
    ("about to expire", wish(expires_in=30 * DAY, rotate_before=DAY), [token(1, left=0.5)], 1, "a-ci-2", [1]),
    ("old one kept", wish(rotate_before=DAY, keep_old_for=DAY), [token(1, left=0.5)], 1, "a-ci-2", []),
    ("old one still kept", wish(keep_old_for=2 * DAY), [token(1, age=9), token(2, age=1)], 2, "", []),
    ("old one is due", wish(keep_old_for=DAY), [token(1, age=9), token(2, age=2)], 2, "", [1]),
    ("cut off before the file", wish(keep_old_for=9 * DAY), [token(1), token(2, age=0)], 1, "", [2]),
    ("expired", wish(), [token(1, live=False)], 1, "a-ci-2", [1]),
    ("lives too long", wish(expires_in=DAY), [token(1)], 1, "a-ci-2", [1]),
    ("not wanted", wish(present=False), [token(1), token(2)], 2, "", [1, 2]),
]


@pytest.mark.parametrize(("why", "wanted", "tokens", "in_file", "made", "gone"), CASES, ids=[case[0] for case in CASES])
def test_plan_of_a_token(why: str, wanted: t.Any, tokens: t.Any, in_file: t.Any, made: str, gone: t.Any) -> None:
    file = File() if in_file is None else holding(tokens[in_file - 1])
    found = plan_token(wanted, "a", tokens, file, NOW)
    assert (found.make, [one.serial for one in found.drop]) == (made, gone), why
    assert bool(found.why) is bool(made)
    assert (found.before == found.after) is (not made and not gone)


def test_token_that_grafana_does_not_take_is_made_anew() -> None:
    assert plan_token(wish(), "a", [token(1)], holding(token(1), works=False), NOW).make == "a-ci-2"
    assert plan_token(wish(), "a", [token(1)], holding(token(1), works=None), NOW).make == ""


def test_which_token_a_file_holds() -> None:
    same_second = [token(1), token(2)]
    assert same_second[0].mark != same_second[1].mark
    assert [held(same_second, holding(one)) for one in same_second] == same_second
    coarse = File(there=True, mark=same_second[0].mark // 10**9 * 10**9)
    assert held(same_second, coarse) == same_second[1]
    assert held(same_second, File(there=True, mark=5)) is None
    assert held(same_second, File()) is None


def test_series_are_the_tokens_of_one_wish() -> None:
    names = ["a-ci-2", "a-ci-10", "a-cd-1", "b-ci-1", "a-ci-x", "xa-ci-3"]
    listed = [{"id": number, "name": name, "created": "2026-11-22T20:00:00Z"} for number, name in enumerate(names)]
    assert [one.serial for one in series("a", "ci", listed)] == [2, 10]
    listed[0].update(hasExpired=True)
    listed[1].update(isRevoked=True)
    assert [one.live for one in series("a", "ci", listed)] == [False, False]


@pytest.mark.parametrize(
    "text", ["1970-01-02T00:00:00Z", "1970-01-02T01:00:00+01:00", "1970-01-02T00:00:00.123456789Z"]
)
def test_times_of_grafana(text: str) -> None:
    assert epoch(text) == DAY


def test_rotation_is_a_quarter_before_unless_told() -> None:
    item = {"name": "ci", "dest": "/x", "expires_in": "8d"}
    assert wish_of(item).rotate_before == 2 * DAY
    assert wish_of({**item, "rotate_before": "1h"}).rotate_before == 3600.0


def test_account_in_normal_form() -> None:
    assert _grafana_api_account.form_of({"name": "a", "isDisabled": True}) == {
        "name": "a",
        "role": "None",
        "disabled": True,
    }
