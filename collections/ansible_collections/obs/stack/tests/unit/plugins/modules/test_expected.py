# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_expected: what the inventory wants of each service of a host, and what is shown to it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.filter import estate
from ansible_collections.obs.stack.plugins.module_utils import _expected, _health
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
from ansible_collections.obs.stack.plugins.modules import health_check

GROUPS = {component.group: ["a"] for component in COMPONENTS}
GROUPS.update(loki=["a", "b", "c"], monitored=["a", "b", "c"], prometheus=["a", "b"])


def wanted(component: str, groups: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    hostvars = {host: {"obs_address": host + ".example", **variables} for host in "abc"}
    return _expected.expected(component, Ways(groups or GROUPS, hostvars, "a"))


def test_numbers_follow_from_the_groups() -> None:
    assert wanted("loki")["members"] == 3 and wanted("loki")["lines"] is True
    assert wanted("thanos-query")["stores"] == {"sidecar": 2, "store": 1, "rule": 1, "receive": 1}
    assert "stores" not in wanted("thanos-query", thanos_query_endpoints=["x:1"]), "the user's own list"
    assert wanted("tempo")["spans"] is True
    assert wanted("tempo", {**GROUPS, "demo": []})["spans"] is False, "nobody sends any by itself"


def test_the_collectors_health_is_on_a_port_of_its_own() -> None:
    assert (wanted("otelcol")["health_port"], wanted("otelcol-agent")["health_port"]) == (13133, 13134)
    own = wanted("otelcol", otelcol_health_listen_address="0.0.0.0:1234")
    assert (own["health_port"], own["health_address"]) == (1234, "127.0.0.1")


KEYS = {"endpoint": "s3.example", "access_key": "k", "secret_key": "canary", "buckets": {"loki": "logs"}}


@pytest.mark.parametrize(
    ("component", "variables", "expected"),
    [
        ("loki", {"obs_object_storage": KEYS}, True),
        ("tempo", {"obs_object_storage": KEYS}, False),
        ("loki", {"obs_object_storage": {**KEYS, "access_key": ""}}, False),
        ("loki", {"obs_object_storage": {**KEYS, "type": "filesystem"}}, False),
        ("loki", {"obs_object_storage": KEYS, "loki_s3": {"bucketnames": "x"}}, False),
        ("loki", {"loki_s3": {"bucketnames": "b", "region": "r", "access_key_id": "x"}}, True),
        ("thanos-store", {"thanos_objstore": {"config": {"bucket": "b", "endpoint": "e", "access_key": "x"}}}, True),
        ("prometheus", {"obs_object_storage": KEYS}, False),
    ],
)
def test_keys_in_files_are_noticed(component: str, variables: dict[str, t.Any], expected: bool) -> None:
    assert bool(wanted(component, **variables).get("static_keys")) is expected
    assert "canary" not in str(wanted(component, **variables))


def test_who_demands_a_certificate_is_shown_one() -> None:
    tls = {"certificate": "x", "private_key": "y", "ca": "z"}

    def shown(component: str, **variables: t.Any) -> str:
        hostvars = dict.fromkeys("abc", variables)
        return str(_expected.asked(component, Ways(GROUPS, hostvars, "a")).get("client_cert", ""))

    assert shown("loki", obs_tls=tls) == "/etc/loki/tls/server.crt"
    assert shown("loki", loki_tls={**tls, "client_certificate": "c"}) == "/etc/loki/tls/client.crt"
    assert shown("tempo", tempo_tls={**tls, "client_certificate": "c"}, tempo_api_client_auth=True).endswith(
        "client.crt"
    )
    assert shown("tempo", obs_tls=tls) == shown("loki") == shown("prometheus", obs_tls=tls) == ""


def test_everything_that_is_expected_is_an_option_of_the_module(run_module: t.Any) -> None:
    hostvars = {host: {"obs_address": host + ".example", "obs_object_storage": KEYS} for host in "abc"}
    health = estate.estate(GROUPS, hostvars, "a")["health"]
    assert {item["component"] for item in health} == {c.name for c in COMPONENTS} - {"promtail"}
    assert {c.name for c in COMPONENTS} == set(_health.SERVICES)
    for item in health:
        result = run_module(health_check, **{**item, "port": 1, "fail": False, "expected": item["expected"]})
        assert "findings" in result, result.get("msg")


def test_a_host_without_services_is_no_row_of_the_report() -> None:
    well = {"component": "loki", "check": "answers", "healthy": True, "detail": "ready"}
    hostvars: t.Any = {
        "a": {"obs_health": {"results": [{"findings": [well]}]}},
        "b": {"obs_health": {"skipped": True, "results": []}},
        "c": {},
    }
    report = estate.health_report(hostvars, ["a", "b", "c"])
    assert [line.split()[0] for line in report["table"][1:]] == ["a", "c"]
    assert report["unhealthy"] == ["c - -: could not be asked"]
