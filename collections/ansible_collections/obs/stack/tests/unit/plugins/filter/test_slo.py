# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.slo import FilterModule

report = FilterModule().filters()["slo_report"]


def row(**more: t.Any) -> dict[str, t.Any]:
    found = {"site": "a", "service": "shop", "slo": "up", "objective": 99.9, "period": "30 d", "period_days": 30}
    found.update(attained=99.95, budget_left=0.5, burn_rate=1.0, exhausted_in=None, state="ok")
    return {**found, **more}


def answered(*rows: dict[str, t.Any], service: str = "prometheus", site: str = "a") -> dict[str, t.Any]:
    return {"obs_site": site, "obs_slo_info": {"service": service, "slos": list(rows)}}


DOWN = {"obs_site": "a", "obs_slo_info": {"unreachable": True, "msg": "no route to host"}}


def test_thanos_is_trusted_first() -> None:
    hosts = {"p": answered(row(budget_left=0.1)), "q": answered(row(budget_left=0.7), service="thanos-query")}
    found = report(hosts, ["p", "q"], "json")
    assert json.loads("\n".join(found["lines"]))[0]["budget_left"] == 0.7 and not found["wrong"]


def test_a_site_is_told_while_one_answers() -> None:
    assert not report({"p": DOWN, "q": answered(row())}, ["p", "q"])["wrong"]
    (why,) = report({"p": DOWN, "q": answered(row(), site="b")}, ["p", "q"])["wrong"]
    assert why.startswith("p: ") and "no route to host" in why


def test_a_service_is_chosen_and_one_without_objectives_named() -> None:
    hosts = {"p": answered(row(), row(service="cart"))}
    assert len(report(hosts, ["p"], "table", "cart")["lines"]) == 2
    (why,) = report(hosts, ["p"], "table", "cash")["wrong"]
    assert "cash" in why


def test_a_spent_budget_is_wrong_when_asked_for() -> None:
    hosts = {"p": answered(row(state="SPENT", budget_left=-0.1))}
    assert not report(hosts, ["p"])["wrong"]
    assert report(hosts, ["p"], "table", "", True)["wrong"] == ["shop-up: nothing is left of its budget"]


def test_hosts_that_were_not_asked_do_not_count() -> None:
    assert not report({"p": answered(row()), "far": {"obs_site": "b"}}, ["p", "far"])["wrong"]


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="table, json, markdown"):
        report({}, [], "pdf")
