# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say of their applications becomes jobs, live files and secrets; what cannot become one is named."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate,
    _estate_items,
    _estate_problems,
    _estate_scrape,
    _estate_scrape_problems,
)
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

Vars = dict[str, dict[str, t.Any]]
PEM = "-----BEGIN CERTIFICATE-----"
SHOP = {"job": "shop", "port": 8080}


def estate(**scrape: t.Any) -> tuple[dict[str, list[str]], Vars]:
    """Two replicas and two hosts with applications; ``scrape`` is obs_scrape by host."""
    groups = {"all": ["p", "q", "x", "y"], "prometheus": ["p", "q"], "monitored": ["p", "q", "x"]}
    hostvars: Vars = {
        "p": {"obs_site": "main", "obs_zone": "z1"},
        "q": {"obs_site": "main", "obs_zone": "z2"},
        "x": {"obs_site": "main", "obs_zone": "z1", "ansible_host": "10.0.0.7"},
        # In no group of the stack: its applications count all the same.
        "y": {"obs_site": "main"},
    }
    for host, items in scrape.items():
        hostvars[host]["obs_scrape"] = items
    return groups, hostvars


def prometheus(groups: t.Any, hostvars: t.Any, host: str = "p") -> dict[str, t.Any]:
    """What is derived for a Prometheus."""
    return _estate.derive(groups, hostvars, host)["prometheus"]


def job(derived: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """A derived scrape job."""
    return next(item for item in derived["scrape_configs"] if item["job_name"] == name)


def test_one_job_over_the_site_with_a_target_per_host() -> None:
    derived = prometheus(*estate(x=[SHOP], y=[SHOP]))
    assert job(derived, "shop") == {
        "job_name": "shop",
        "file_sd_configs": [{"files": ["/etc/obs/prometheus/live/file_sd/shop.yml"]}],
    }
    assert derived["live"] == [
        {
            "path": "file_sd/shop.yml",
            "variable": "obs_scrape",
            "data": [
                {
                    "targets": ["10.0.0.7:8080"],
                    "labels": {"instance": "x:8080", "host": "x", "site": "main", "host_zone": "z1"},
                },
                {"targets": ["y:8080"], "labels": {"instance": "y:8080", "host": "y", "site": "main"}},
            ],
        }
    ]


def test_everything_of_a_target_stands_in_the_live_file() -> None:
    item = {
        **SHOP,
        "path": "/internal/metrics",
        "scheme": "https",
        "address": "192.0.2.9",
        "labels": {"team": "a", "tier": 1, "canary": True},
        "interval": "30s",
        "timeout": "20s",
        "params": {"module": "http_2xx"},
    }
    derived = prometheus(*estate(x=[item]))
    assert job(derived, "shop") == job(prometheus(*estate(x=[SHOP])), "shop"), "a reload would be needed"
    group = derived["live"][0]["data"][0]
    assert group["targets"] == ["192.0.2.9:8080"]
    assert {name: value for name, value in group["labels"].items() if name not in ("instance", "host", "site")} == {
        "host_zone": "z1",
        "team": "a",
        "tier": "1",
        "canary": "true",
        "__scheme__": "https",
        "__metrics_path__": "/internal/metrics",
        "__scrape_interval__": "30s",
        "__scrape_timeout__": "20s",
        "__param_module": "http_2xx",
    }


@pytest.mark.parametrize(
    ("interval", "timeout", "expected"),
    [("5s", "", ("5s", "5s")), ("1m", "", ("1m", "10s")), ("", "4s", ("", "4s")), ("1m30s", "80s", ("1m30s", "80s"))],
)
def test_a_timeout_is_never_longer_than_its_interval(interval: str, timeout: str, expected: tuple[str, str]) -> None:
    # Prometheus leaves out a target whose timeout is longer, and its own timeout is 10 s.
    assert _estate_items.times_of({"interval": interval, "timeout": timeout}, "x") == expected


def test_lists_of_several_groups_are_joined() -> None:
    groups, hostvars = estate(x=[SHOP])
    hostvars["x"].update(
        obs_scrape_db=[{"job": "postgres", "port": 9187}], obs_scrape_none=None, obs_scraper=[{"job": "mine"}]
    )
    assert [item["path"] for item in prometheus(groups, hostvars)["live"]] == [
        "file_sd/postgres.yml",
        "file_sd/shop.yml",
    ]


def test_sites_and_sites_only() -> None:
    groups, hostvars = estate(x=[SHOP], y=[SHOP])
    hostvars["y"]["obs_site"] = "other"
    (live,) = prometheus(groups, hostvars)["live"]
    assert [group["labels"]["host"] for group in live["data"]] == ["x"]


def test_replicas_and_the_order_of_the_inventory_change_no_byte() -> None:
    groups, hostvars = estate(x=[SHOP, {"job": "a", "port": 1}], y=[SHOP])
    first, second = prometheus(groups, hostvars), prometheus(groups, hostvars, "q")
    for derived in (first, second):
        del derived["external_labels"]
    assert first == second
    turned = {name: list(reversed(hosts)) for name, hosts in reversed(list(groups.items()))}
    again = prometheus(turned, dict(reversed(list(hostvars.items()))))
    del again["external_labels"]
    assert json.dumps(first) == json.dumps(again)


def test_the_order_of_items_changes_no_byte() -> None:
    items = [SHOP, {**SHOP, "port": 81}, {"job": "a", "port": 1}]
    first, second = (prometheus(*estate(x=order)) for order in (items, list(reversed(items))))
    assert json.dumps(first) == json.dumps(second)


def test_secrets_are_files_and_stand_nowhere_else() -> None:
    items = [
        {**SHOP, "scheme": "https", "ca": PEM, "username": "metrics", "password": "canary"},
        {"job": "api", "port": 1, "bearer_token": "canary"},
    ]
    derived = prometheus(*estate(x=items))
    assert job(derived, "shop")["basic_auth"] == {
        "username": "metrics",
        "password_file": "/etc/prometheus/secrets/scrape_shop_password",
    }
    assert job(derived, "shop")["tls_config"] == {"ca_file": "/etc/prometheus/ca/shop.pem"}
    assert job(derived, "api")["authorization"] == {"credentials_file": "/etc/prometheus/secrets/scrape_api_token"}
    assert derived["files"] == [{"path": "ca/shop.pem", "content": PEM}]
    secrets = derived.pop("secrets")
    assert [(item["path"], item["content"]) for item in secrets] == [
        ("secrets/scrape_api_token", "canary"),
        ("secrets/scrape_shop_password", "canary"),
    ]
    assert "canary" not in json.dumps(derived)


def test_health_expects_the_targets_and_tells_whose_jobs_are_whose() -> None:
    health = {item["component"]: item for item in _estate.derive(*estate(x=[SHOP]), "p")["health"]}
    expected = health["prometheus"]["expected"]
    assert expected["applications"] == [["shop", "x:8080"]]
    assert expected["jobs"] == ["prometheus", "node_exporter"]
    assert ["shop", "x:8080"] not in expected["targets"]


REFUSED = [
    ("shop", "is not a dictionary"),
    ({"port": 1}, "it has no job"),
    ({**SHOP, "job": "../x"}, "becomes a file"),
    ({**SHOP, "job": "node_exporter"}, "the stack's own"),
    ({"job": "shop"}, "it has no port"),
    ({**SHOP, "port": 0}, "the port '0'"),
    ({**SHOP, "port": 65536}, "the port '65536'"),
    ({**SHOP, "port": "http"}, "the port 'http'"),
    ({**SHOP, "scheme": "ftp"}, "the scheme 'ftp'"),
    ({**SHOP, "path": "metrics"}, "the path 'metrics'"),
    ({**SHOP, "path": "/m?a=b"}, "a query goes into params"),
    ({**SHOP, "interval": 30}, "interval '30' is not a duration"),
    ({**SHOP, "interval": "0s"}, "interval '0s' is not a duration"),
    ({**SHOP, "timeout": "soon"}, "timeout 'soon' is not a duration"),
    ({**SHOP, "interval": "5s", "timeout": "6s"}, "the timeout 6s is longer than the interval 5s"),
    ({**SHOP, "labels": {"a-b": 1}}, "'a-b' is not a label name"),
    ({**SHOP, "labels": {"a": [1]}}, "the label 'a' is not a single value"),
    ({**SHOP, "params": {"match[]": "x"}}, "the parameter 'match[]'"),
    ({**SHOP, "params": {"a": [1, 2]}}, "the parameter 'a' is not a single value"),
    ({**SHOP, "username": "m"}, "only one of username and password"),
    ({**SHOP, "password": "canary"}, "only one of username and password"),
    ({**SHOP, "username": "m", "password": "canary", "bearer_token": "canary"}, "both a username and a bearer_token"),
    *(
        ({**SHOP, "labels": {name: "x"}}, f"the label '{name}' is set by the stack")
        for name in ("job", "instance", "host", "site", "host_zone", "zone", "replica", "__scheme__")
    ),
]


@pytest.mark.parametrize(("item", "words"), REFUSED)
def test_what_cannot_be_a_target_is_refused(item: t.Any, words: str) -> None:
    (found,) = _estate_problems.problems(*estate(x=[SHOP, item]))
    assert "obs_scrape[2] of x" in found
    assert words in found
    assert "canary" not in found
    with pytest.raises(StackError, match="of x"):
        prometheus(*estate(x=[item]))


@pytest.mark.parametrize("value", ["shop", {"job": "shop"}])
def test_what_is_no_list_is_refused(value: t.Any) -> None:
    (found,) = _estate_scrape_problems.problems(*estate(x=value))
    assert "obs_scrape of x: it is not a list" in found
    with pytest.raises(StackError):
        _estate_scrape.items_of("x", {"obs_scrape": value})


def test_one_reason_is_told_once_for_all_its_hosts() -> None:
    groups, hostvars = estate()
    for host in hostvars:
        hostvars[host]["obs_scrape"] = [{"job": "shop"}]
    (found,) = _estate_problems.problems(groups, hostvars)
    assert "obs_scrape[1] of p, q, x and 1 more: it has no port" in found


SITE_PROBLEMS = [
    pytest.param(
        {"x": [{**SHOP, "username": "a", "password": "canary"}], "y": [SHOP]},
        ("x and y differ in CA or credentials of the job shop",),
        id="access",
    ),
    pytest.param({"x": [SHOP, SHOP]}, ("shop has 10.0.0.7:8080/metrics twice, by x and x",), id="twice"),
    pytest.param(
        {"x": [SHOP], "y": [{**SHOP, "address": "10.0.0.7"}]}, ("twice, by x and y", "obs_address"), id="same address"
    ),
    pytest.param(
        {"x": [SHOP, {**SHOP, "path": "/more"}]}, ("two targets x:8080 with equal labels",), id="equal labels"
    ),
]


@pytest.mark.parametrize(("scrape", "words"), SITE_PROBLEMS)
def test_jobs_that_cannot_work_are_refused(scrape: dict[str, t.Any], words: tuple[str, ...]) -> None:
    (found,) = _estate_problems.problems(*estate(**scrape))
    assert all(word in found for word in words), found
    assert "canary" not in found


@pytest.mark.parametrize(
    "items",
    [
        [SHOP, {**SHOP, "path": "/more", "labels": {"part": "more"}}],
        [SHOP, {**SHOP, "port": 8081}],
        [SHOP, {"job": "other", "port": 8080}],
    ],
)
def test_targets_that_can_be_told_apart_are_fine(items: list[t.Any]) -> None:
    assert _estate_problems.problems(*estate(x=items)) == []


def test_a_site_without_prometheus_is_told_whom_nobody_reads() -> None:
    groups, hostvars = estate(y=[SHOP])
    hostvars["y"]["obs_site"] = "far"
    (found,) = _estate_problems.problems(groups, hostvars)
    assert "obs_scrape of y is read by nobody: site far has no Prometheus" in found


@pytest.mark.parametrize(
    "variables",
    [
        {"prometheus_file_sd": {"shop": []}},
        {"prometheus_ec2_sd": [{"job_name": "shop", "region": "r"}]},
        {"obs_scrape_ec2": [{"job": "shop", "region": "r"}]},
    ],
)
def test_a_job_is_named_in_one_place_only(variables: dict[str, t.Any]) -> None:
    groups, hostvars = estate(x=[SHOP])
    for host in "pq":
        hostvars[host].update(variables)
    (found,) = _estate_problems.problems(groups, hostvars)
    assert "The job shop of site main is named twice" in found
