# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _estate_slos
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways

BASE = {"inventory_dir": "/estate"}
GROUPS = {"prometheus": ["mon"], "thanos_rule": ["mon"], "shop": ["app"], "other": ["far"]}
NOTHING = {"src": [], "starters": []}


def hostvars(**app):
    return {
        "mon": {**BASE, "obs_site": "a"},
        "app": {**BASE, "obs_site": "a", **app},
        "far": {**BASE, "obs_site": "b", "obs_slos": ["slos/far.yml"]},
    }


def test_every_host_of_the_site_names_its_own():
    variables = hostvars(obs_slos=["slos/shop.yml", "/srv/slos"], obs_slos_cart=["slos/shop.yml", "slos/cart.yml"])
    found = _estate_slos.slos(Ways(GROUPS, variables, "mon"))
    assert found["prometheus"]["src"] == ["/estate/slos/cart.yml", "/estate/slos/shop.yml", "/srv/slos"]
    assert found["thanos-rule"] == NOTHING


def test_another_evaluator_takes_all_of_them_along():
    variables = hostvars(obs_slos=["slos/shop.yml"])
    variables["mon"]["obs_slo_evaluator"] = "thanos-rule"
    found = _estate_slos.slos(Ways(GROUPS, variables, "mon"))
    assert found["prometheus"] == NOTHING and found["thanos-rule"]["src"] == ["/estate/slos/shop.yml"]


def test_starters_are_those_of_services_the_site_has():
    variables = hostvars()
    assert _estate_slos.slos(Ways(GROUPS, variables, "mon"))["prometheus"]["starters"] == ["prometheus"]
    variables["mon"]["obs_slo_starters"] = False
    assert _estate_slos.slos(Ways(GROUPS, variables, "mon"))["prometheus"] == NOTHING


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("slos/shop.yml", "obs_slos of app"),
        ([""], "obs_slos[1] of app"),
        ([{"service": "shop"}], "obs_slos[1] of app"),
        (3, "obs_slos of app"),
    ],
)
def test_what_is_no_list_of_paths_is_named(wrong, where):
    with pytest.raises(StackError, match=re.escape(where)):
        _estate_slos.sources(GROUPS, hostvars(obs_slos=wrong), "a")
    assert [text for text in _estate_slos.problems(GROUPS, hostvars(obs_slos=wrong)) if where in text]


def test_objectives_need_somebody_who_evaluates_them():
    assert [text for text in _estate_slos.problems(GROUPS, hostvars()) if "nobody in site b" in text]
    groups = {key: hosts for key, hosts in GROUPS.items() if key != "other"}
    variables = {key: value for key, value in hostvars().items() if key != "far"}
    assert not _estate_slos.problems(groups, variables)
    variables["mon"]["obs_slo_evaluator"] = variables["app"]["obs_slo_evaluator"] = "thanos-rule"
    assert not _estate_slos.problems(groups, variables)
    assert _estate_slos.problems(dict(groups, thanos_rule=[]), variables)


def test_two_evaluators_of_one_site_are_refused():
    variables = hostvars(obs_slo_evaluator="thanos-rule")
    assert [text for text in _estate_slos.problems(GROUPS, variables) if "evaluated twice" in text]
