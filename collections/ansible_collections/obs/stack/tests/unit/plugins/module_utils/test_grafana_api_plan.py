# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_plan and _grafana_api_runner: what is to be done, and that it is done once, and not in check mode."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Access, Client
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import Errand, Refusal
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_plan import Plan, plan, same
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_runner import converge, org_of


@pytest.mark.parametrize(
    ("current", "desired", "action"),
    [
        (None, None, "none"),
        (None, {}, "create"),
        ({}, None, "delete"),
        ({"a": 1}, {"a": 1}, "none"),
        ({"a": 1}, {"a": 2}, "update"),
        ({"a": 1}, {}, "update"),
    ],
)
def test_plan(current: t.Any, desired: t.Any, action: str) -> None:
    found = plan(current, desired)
    assert (found.action, found.changed) == (action, action != "none")
    told = found.diff("x")
    assert (told["before"], told["after"]) == (current or {}, desired or {})


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (False, 0, False),
        ([1, {"a": None}], (1, {"a": None}), True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ("", None, False),
    ],
)
def test_same(left: t.Any, right: t.Any, equal: bool) -> None:
    assert same(left, right) is equal and same(right, left) is equal


class Counter:
    """A number that is to be 3; each writing may meet somebody else's."""

    def __init__(self, *meets: t.Any) -> None:
        self.value = 1
        self.meets = list(meets)
        self.applied = 0

    def read(self) -> int:
        return self.value

    def plan(self, current: int) -> Plan:
        return plan({"value": current}, {"value": 3})

    def apply(self, plan: Plan, current: int) -> int:
        self.applied += 1
        if self.meets:
            self.value = self.meets.pop(0)
            raise Refusal(Errand("update", "counter"), "http://x", 412, "changed by someone else")
        self.value = 3
        return self.value

    def result(self, plan: Plan, found: t.Any) -> dict[str, t.Any]:
        return {}


def test_it_is_done_once() -> None:
    counter = Counter()
    assert converge(counter, check_mode=False)[1] == 3
    assert not converge(counter, check_mode=False)[0].changed and counter.applied == 1


def test_check_mode_only_plans() -> None:
    counter = Counter()
    predicted, found = converge(counter, check_mode=True)
    assert (predicted.changed, found, counter.applied) == (True, 1, 0)
    assert converge(counter, check_mode=False)[0] == predicted


def test_somebody_else_at_the_same_time() -> None:
    counter = Counter(2)
    done, found = converge(counter, check_mode=False)
    assert (done.before, found) == ({"value": 2}, 3)
    # He has done it already.
    assert not converge(Counter(3), check_mode=False)[0].changed
    with pytest.raises(Refusal):
        converge(Counter(2, 4), check_mode=False)


def asked(*answers: t.Any, **access: str) -> Client:
    client = Client(Access("http://x", **access), send=lambda *request: None)  # type: ignore[arg-type, return-value]
    client.get = lambda *_args, **_more: answers[0]  # type: ignore[method-assign]
    return client


def test_organisation_by_name() -> None:
    orgs = [{"orgId": 1, "name": "Main Org."}, {"orgId": 5, "name": "Shop"}]
    assert org_of(asked(orgs, username="me"), "Shop") == 5
    assert org_of(asked({"id": 7, "name": "Shop"}, token="t"), "Shop") == 7
    with pytest.raises(StackError, match=r"the caller is in 'Main Org\.', 'Shop'"):
        org_of(asked(orgs, username="me"), "Nobody's")
