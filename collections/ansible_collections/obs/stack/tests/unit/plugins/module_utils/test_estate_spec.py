# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of an inventory fit their specification, or are named; slips are refused, names of one's own are not."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils import _estate_problems, _estate_spec

SPEC = pathlib.Path(__file__).resolve().parents[4] / "playbooks" / "vars" / "inventory_spec.yml"
OPTIONS = _estate_spec.options_of(yaml.safe_load(SPEC.read_text())["inventory_spec"])
SHOP = {"job": "shop", "port": 8080}


def wrong(variables: dict[str, t.Any]) -> list[str]:
    """What is wrong with one host's variables."""
    return _estate_spec.check({"a": variables}, ["a"], OPTIONS)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"obs_site": "x", "obs_zone": None, "obs_adopt": "yes", "obs_keep_generations": "5", "obs_fetch": "host"},
        {"obs_scrape": [SHOP], "obs_scrape_db": [{**SHOP, "port": "8080", "labels": {"a": 1}, "ca": None}]},
        {"obs_scrape_ec2": [{"region": "r", "role_arn": "upstream's own"}]},
        {"prometheus_flags": 1, "other": []},
        {"obs_fetch_headers": {"Authorization": "x"}},
    ],
)
def test_what_fits_is_fine(variables: dict[str, t.Any]) -> None:
    assert wrong(variables) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"obs_site": ["a"]}, "obs_site of a: ['a'] is not text"),
        ({"obs_adopt": "maybe"}, "obs_adopt of a: 'maybe' is not true or false"),
        ({"obs_keep_generations": "many"}, "obs_keep_generations of a: 'many' is not a whole number"),
        ({"obs_fetch": "hosts"}, "obs_fetch of a: 'hosts' is none of controller, host"),
        ({"obs_scrape": SHOP}, "is not a list"),
        ({"obs_scrape": "shop:8080"}, "obs_scrape of a: 'shop:8080' is not a list"),
        ({"obs_scrape": [SHOP, "x"]}, "obs_scrape[2] of a: 'x' is not a dictionary"),
        ({"obs_scrape_db": [{"job": "x"}]}, "obs_scrape_db[1] of a: has no port"),
        ({"obs_scrape": [{**SHOP, "labels": ["x"]}]}, "obs_scrape[1].labels of a: ['x'] is not a dictionary"),
        ({"obs_scrape": [{**SHOP, "metrics_path": "/"}]}, "has no key 'metrics_path'; it takes job, port, path"),
        ({"obs_scrape_ec2": [{"job": "x"}]}, "obs_scrape_ec2[1] of a: has no region"),
        ({"obs_scrape": [{**SHOP, "scheme": "{x}"}]}, "obs_scrape[1].scheme of a: '{x}' is none of http, https"),
    ],
)
def test_what_does_not_fit_is_named(variables: dict[str, t.Any], words: str) -> None:
    (found,) = wrong(variables)
    assert words in found
    assert "docs/inventory.md" in found


@pytest.mark.parametrize(
    "variables",
    [
        {"obs_scrape": [{**SHOP, "username": "m", "password": ["canary"]}]},
        {"obs_fetch_headers": "Authorization: canary"},
    ],
)
def test_a_secret_of_the_wrong_type_is_not_shown(variables: dict[str, t.Any]) -> None:
    (found,) = wrong(variables)
    assert "what is given is not" in found
    assert "canary" not in found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("obs_sites", "obs_site"),
        ("obs_stie", "obs_site"),
        ("obs_adress", "obs_address"),
        ("obs_listen_adress", "obs_listen_address"),
        ("obs_scarpe", "obs_scrape"),
        ("obs_scrap", "obs_scrape"),
        ("obs_scarpe_web", "obs_scrape_web"),
        ("obs_scrapes_web", "obs_scrape_web"),
        ("obs_keep_generation", "obs_keep_generations"),
        ("obs_mirrror", "obs_mirror"),
    ],
)
def test_a_slip_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    (found,) = wrong({name: "x"})
    assert f"{name} of a is not known. Did you mean {meant}?" in found


@pytest.mark.parametrize(
    "name",
    ["obs_team", "obs_backup_window", "obs_lab_components", "obs_labs", "obs_health", "observer", "obs_mirror_name"],
)
def test_a_name_of_ones_own_passes(name: str) -> None:
    assert wrong({name: "x"}) == []


def test_one_thing_is_told_once_for_all_its_hosts() -> None:
    hostvars = {host: {"obs_adopt": "maybe"} for host in "abcde"}
    (found,) = _estate_spec.check(hostvars, list("abcde"), OPTIONS)
    assert "obs_adopt of a, b, c and 2 more: 'maybe'" in found


def test_the_estate_is_judged_only_when_its_variables_fit() -> None:
    groups = {"monitored": ["a", "b"]}
    hostvars = {"a": {"obs_adress": "10.0.0.1", "ansible_host": "10.0.0.9"}, "b": {"ansible_host": "10.0.0.9"}}
    assert len(_estate_problems.problems(groups, hostvars, OPTIONS)) == 1
    assert "Did you mean obs_address" in _estate_problems.problems(groups, hostvars, OPTIONS)[0]
    hostvars["a"].pop("obs_adress")
    assert "same node_exporter address" in _estate_problems.problems(groups, hostvars, OPTIONS)[0]


def test_every_family_and_type_of_the_specification_is_one_the_check_knows() -> None:
    def kinds(options: t.Mapping[str, t.Any]) -> set[str]:
        found = set()
        for option in options.values():
            found |= {option["type"], option.get("elements", "str")} | kinds(option.get("options", {}))
        return found

    assert kinds(OPTIONS) <= {"str", "int", "bool", "list", "dict", "path", "raw", "float"}
