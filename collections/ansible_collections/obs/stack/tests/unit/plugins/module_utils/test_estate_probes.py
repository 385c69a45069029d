# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts say is to be asked from outside becomes jobs and live files; what nobody could ask is named."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.obs.stack.plugins.module_utils import (
    _estate,
    _estate_probe_problems,
    _estate_probes,
    _estate_problems,
)
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways

Vars = dict[str, dict[str, t.Any]]
ROLE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "blackbox_exporter"
SHOP = {"name": "shop", "module": "https_2xx", "targets": ["https://shop.example.com", "https://shop.example.com/api"]}


def estate(**probes: t.Any) -> tuple[dict[str, list[str]], Vars]:
    """Two replicas in two zones, a prober in one of them, and a host in no group of the stack."""
    groups = {
        "all": ["p", "q", "b", "y"],
        "prometheus": ["p", "q"],
        "blackbox_exporter": ["b"],
        "monitored": ["p", "q", "b"],
    }
    hostvars: Vars = {
        "p": {"obs_site": "main", "obs_zone": "z1"},
        "q": {"obs_site": "main", "obs_zone": "z2"},
        "b": {"obs_site": "main", "obs_zone": "z1", "ansible_host": "10.0.0.9"},
        "y": {"obs_site": "main"},
    }
    for host, items in probes.items():
        hostvars[host]["obs_probes"] = items
    return groups, hostvars


def on(hosts: str, item: dict[str, t.Any]) -> dict[str, list[dict[str, t.Any]]]:
    """The same item on several hosts, as a variable of their group is."""
    return {host: [item] for host in hosts}


def prometheus(groups: t.Any, hostvars: t.Any, host: str = "p") -> dict[str, t.Any]:
    """What is derived for a Prometheus."""
    return _estate.derive(groups, hostvars, host)["prometheus"]


def job(derived: dict[str, t.Any], name: str = "shop") -> dict[str, t.Any]:
    """A derived scrape job."""
    return next(item for item in derived["scrape_configs"] if item["job_name"] == name)


def live(derived: dict[str, t.Any], name: str = "shop") -> t.Any:
    """The target groups of a job."""
    (found,) = [item for item in derived["live"] if item["path"] == f"file_sd/{name}.yml"]
    assert found["variable"] == "obs_probes"
    return found["data"]


def test_a_prober_is_asked_and_the_target_is_the_instance() -> None:
    derived = prometheus(*estate(y=[SHOP]))
    assert job(derived) == {
        "job_name": "shop",
        "metrics_path": "/probe",
        "file_sd_configs": [{"files": ["/etc/obs/prometheus/live/file_sd/shop.yml"]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__address__"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": "10.0.0.9:9115"},
        ],
    }
    assert live(derived) == [
        {
            "targets": ["https://shop.example.com", "https://shop.example.com/api"],
            "labels": {"site": "main", "module": "https_2xx", "__param_module": "https_2xx"},
        }
    ]


def test_what_differs_between_targets_stands_in_the_live_file() -> None:
    items = [SHOP, {**SHOP, "module": "tcp_tls", "targets": ["a:443"], "labels": {"tier": 1}, "interval": "1m"}]
    derived = prometheus(*estate(y=items))
    assert job(derived) == job(prometheus(*estate(y=[SHOP]))), "a reload would be needed"
    assert live(derived)[1] == {
        "targets": ["a:443"],
        "labels": {
            "site": "main",
            "module": "tcp_tls",
            "tier": "1",
            "__param_module": "tcp_tls",
            "__scrape_interval__": "1m",
            "__scrape_timeout__": "10s",
        },
    }


def test_what_all_hosts_of_a_group_say_alike_counts_once() -> None:
    once, twice = (prometheus(*estate(**on(hosts, SHOP))) for hosts in ("y", "pqby"))
    assert json.dumps(once) == json.dumps(twice)
    assert _estate_problems.problems(*estate(**on("pqby", SHOP))) == []


def test_hosts_join_their_targets_and_families_their_lists() -> None:
    groups, hostvars = estate(p=[{**SHOP, "targets": ["https://p"]}], q=[{**SHOP, "targets": ["https://q"]}])
    hostvars["y"]["obs_probes_more"] = [{**SHOP, "targets": ["https://y"]}]
    assert [group["targets"] for group in live(prometheus(groups, hostvars))] == [
        ["https://p", "https://q", "https://y"]
    ]


def test_the_order_of_the_inventory_changes_no_byte() -> None:
    other = {"name": "db", "module": "tcp_connect", "targets": ["db:5432"]}
    first, second = (prometheus(*estate(y=order)) for order in ([SHOP, other], [other, SHOP]))
    assert json.dumps(first) == json.dumps(second)


def test_sites_and_sites_only() -> None:
    groups, hostvars = estate(y=[SHOP])
    hostvars["y"]["obs_site"] = "other"
    assert prometheus(groups, hostvars)["live"] == []


def test_access_to_the_prober_is_that_of_its_own_job() -> None:
    groups, hostvars = estate(y=[SHOP])
    hostvars["b"].update(
        blackbox_exporter_tls={"certificate": "/x.crt", "private_key": "/x.key", "ca": "/ca.pem"},
        blackbox_exporter_external_url="https://probes.example.com/bb/",
        blackbox_exporter_basic_auth_username="metrics",
        blackbox_exporter_basic_auth_password="canary",
    )
    derived = prometheus(groups, hostvars)
    assert (job(derived)["scheme"], job(derived)["metrics_path"]) == ("https", "/bb/probe")
    for key in ("tls_config", "basic_auth"):
        assert job(derived)[key] == job(derived, "blackbox_exporter")[key]
    assert [item["path"] for item in derived["secrets"]] == ["secrets/scrape_blackbox_exporter_password"]


@pytest.mark.parametrize(
    ("probers", "expected"),
    [(["b"], ["b", "b"]), (["b", "q"], ["b", "q"]), (["p", "b"], ["p", "b"]), (["p", "q", "b"], ["p", "q"])],
)
def test_replicas_ask_different_probers_where_they_can(probers: list[str], expected: list[str]) -> None:
    groups, hostvars = estate(y=[SHOP])
    groups["blackbox_exporter"] = probers
    hostvars["q"]["obs_zone"] = "z3"
    found = [_estate_probes.prober(Ways(groups, hostvars, host)) for host in "pq"]
    assert [end.host for end in found if end] == expected


def test_health_expects_the_targets_as_applications() -> None:
    (health,) = [item for item in _estate.derive(*estate(y=[SHOP]), "p")["health"] if item["component"] == "prometheus"]
    assert health["expected"]["applications"] == [["shop", target] for target in SHOP["targets"]]
    assert "shop" not in health["expected"]["jobs"]


def test_pushed_labels_win() -> None:
    groups, hostvars = estate()
    groups["pushgateway"] = ["b"]
    derived = prometheus(groups, hostvars)
    assert job(derived, "pushgateway")["honor_labels"] is True
    assert "honor_labels" not in job(derived, "node_exporter")


def test_modules_are_those_of_the_role() -> None:
    told = yaml.safe_load((ROLE / "vars" / "main" / "modules.yml").read_text())
    assert set(_estate_probes.MODULES) == set(told["__blackbox_exporter_modules"])
    optional = {*told["__blackbox_exporter_dns_modules"], *told["__blackbox_exporter_icmp_modules"]}
    assert set(_estate_probes.OPTIONAL_MODULES) == optional
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert set(_estate_probes.OPTIONAL_MODULES.values()) <= set(defaults)


REFUSED = [
    ("shop", "is not a dictionary"),
    ({**SHOP, "name": ""}, "it has no name"),
    ({**SHOP, "name": "../x"}, "becomes a file"),
    ({**SHOP, "name": "pushgateway"}, "the stack's own"),
    ({**SHOP, "module": None}, "it has no module"),
    ({**SHOP, "targets": []}, "it has no list of targets"),
    ({**SHOP, "targets": "https://a"}, "it has no list of targets"),
    ({**SHOP, "targets": ["https://a b"]}, "'https://a b' is no target"),
    ({**SHOP, "targets": [None]}, "'None' is no target"),
    ({**SHOP, "targets": ["https://me:canary@a/"]}, "a user in its URL"),
    ({**SHOP, "targets": ["http://a"]}, "'http://a' is not asked by https"),
    ({**SHOP, "targets": ["a.example.com"]}, "is not asked by https"),
    ({**SHOP, "module": "tcp_connect", "targets": ["db"]}, "'db' is not an address with a port"),
    ({**SHOP, "module": "tcp_tls", "targets": ["https://db:5432"]}, "is not an address with a port"),
    ({**SHOP, "interval": "soon"}, "interval 'soon' is not a duration"),
    ({**SHOP, "interval": "5s", "timeout": "6s"}, "the timeout 6s is longer than the interval 5s"),
    ({**SHOP, "labels": {"a-b": 1}}, "'a-b' is not a label name"),
    *(
        ({**SHOP, "labels": {name: "x"}}, f"the label '{name}' is set by the stack")
        for name in ("job", "instance", "module", "site", "__param_module")
    ),
]


@pytest.mark.parametrize(("item", "words"), REFUSED)
def test_what_cannot_be_asked_is_refused(item: t.Any, words: str) -> None:
    (found,) = _estate_problems.problems(*estate(y=[SHOP, item]))
    assert "obs_probes[2] of y" in found
    assert words in found
    assert "canary" not in found
    with pytest.raises(StackError, match="of y"):
        prometheus(*estate(y=[item]))


def test_one_reason_is_told_once_for_all_its_hosts() -> None:
    (found,) = _estate_problems.problems(*estate(**on("pqby", {**SHOP, "module": ""})))
    assert "obs_probes[1] of b, p, q and 1 more: it has no module" in found


@pytest.mark.parametrize("value", ["shop", SHOP])
def test_what_is_no_list_is_refused(value: t.Any) -> None:
    (found,) = _estate_problems.problems(*estate(y=value))
    assert "obs_probes of y: it is not a list" in found


def test_what_can_be_asked_is_read_in_spite_of_what_cannot() -> None:
    known, refused = _estate_probe_problems.read(*estate(y=[SHOP, "shop"], p="shop"))
    assert [one.target for one in known] == SHOP["targets"]
    assert len(refused) == 2


@pytest.mark.parametrize("group", ["prometheus", "blackbox_exporter"])
def test_a_site_that_lacks_whom_it_takes_is_told(group: str) -> None:
    groups, hostvars = estate(y=[SHOP])
    groups[group] = []
    (found,) = _estate_problems.problems(groups, hostvars)
    assert f"obs_probes of y is asked by nobody: site main has no {group}" in found


def problems(item: dict[str, t.Any], **variables: t.Any) -> list[str]:
    """What is wrong with one more probe and variables of the prober."""
    groups, hostvars = estate(y=[SHOP, item])
    hostvars["b"].update(variables)
    return _estate_problems.problems(groups, hostvars)


DNS = {"name": "resolver", "module": "dns_udp", "targets": ["10.0.0.2"]}
LOGIN = {"name": "login", "module": "login", "targets": ["https://a"]}


def test_a_module_that_nobody_has_is_refused_with_the_way_to_it() -> None:
    (found,) = problems(DNS)
    assert "blackbox_exporter on b has no module 'dns_udp', which the probe resolver names" in found
    assert "Set blackbox_exporter_dns_query_name of the group blackbox_exporter" in found
    assert "Set blackbox_exporter_icmp" in problems({**DNS, "module": "icmp"})[0]
    assert "take one of http_2xx, https_2xx, tcp_connect, tcp_tls" in problems(LOGIN)[0]


def test_modules_that_the_inventory_brings_are_known() -> None:
    assert problems(DNS, blackbox_exporter_dns_query_name="example.com") == []
    assert problems({**DNS, "module": "icmp"}, blackbox_exporter_icmp=True) == []
    assert problems(LOGIN, blackbox_exporter_config={"modules": {"login": {"prober": "http"}}}) == []
    (found,) = problems(LOGIN, blackbox_exporter_config={"modules": {"login": {}, "https_2xx": None}})
    assert "has no module 'https_2xx', which the probe shop names" in found


def test_one_target_in_two_ways_is_refused() -> None:
    (found,) = problems({**SHOP, "labels": {"team": "a"}, "targets": SHOP["targets"][:1]})
    assert "The probe shop has https://shop.example.com twice, by y and y" in found
    assert problems({**SHOP, "module": "http_2xx"}) == [], "told apart by the label module"


@pytest.mark.parametrize(
    "variables",
    [
        {"prometheus_file_sd": {"shop": []}},
        {"obs_scrape_ec2": [{"job": "shop", "region": "r"}]},
        {"obs_scrape": [{"job": "shop", "port": 80}]},
    ],
)
def test_a_name_is_taken_in_one_place_only(variables: dict[str, t.Any]) -> None:
    groups, hostvars = estate(y=[SHOP])
    for host in "pq":
        hostvars[host].update(variables)
    (found,) = _estate_problems.problems(groups, hostvars)
    assert "The job shop of site main is named twice" in found
