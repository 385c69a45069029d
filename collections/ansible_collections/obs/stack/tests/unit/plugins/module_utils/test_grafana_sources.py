# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data sources lead to each other, keep secrets in files, and never keep Grafana from starting."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_sources import dashboard_files, datasources


def endpoint(kind: str, **more: t.Any) -> dict[str, t.Any]:
    """An address of a type, named like it."""
    return {"name": kind.capitalize(), "type": kind, "url": f"http://{kind}:1/", **more}


ALL = [endpoint(kind) for kind in ("prometheus", "loki", "tempo", "alertmanager")]


def by_name(found: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The data sources by name."""
    return {entry["name"]: entry for entry in found["datasources"]}


def test_each_signal_leads_to_the_others() -> None:
    found = by_name(datasources(ALL))
    prometheus, loki, tempo = (found[name]["jsonData"] for name in ("Prometheus", "Loki", "Tempo"))
    assert prometheus["exemplarTraceIdDestinations"][0]["name"] == "trace_id"
    assert prometheus["exemplarTraceIdDestinations"][0]["datasourceUid"] == "tempo"
    assert prometheus["alertmanagerUid"] == "alertmanager"
    field = loki["derivedFields"][0]
    assert (field["matcherType"], field["matcherRegex"], field["datasourceUid"]) == ("label", "trace_id", "tempo")
    assert field["url"] == "$${__value.raw}"
    assert tempo["tracesToLogsV2"]["datasourceUid"] == "loki"
    assert tempo["tracesToLogsV2"]["query"] == '{$${__tags}} | trace_id="$${__trace.traceId}"'
    assert tempo["tracesToMetrics"]["datasourceUid"] == tempo["serviceMap"]["datasourceUid"] == "prometheus"
    assert all("$$__tags" in query["query"] for query in tempo["tracesToMetrics"]["queries"])
    assert tempo["nodeGraph"] == {"enabled": True}


def test_the_first_prometheus_is_the_default() -> None:
    found = by_name(datasources([ALL[1], ALL[0], endpoint("prometheus", name="Other")]))
    assert [name for name, entry in found.items() if entry.get("isDefault")] == ["Prometheus"]
    found = by_name(datasources([ALL[0], endpoint("prometheus", name="Other", default=True)]))
    assert [name for name, entry in found.items() if entry.get("isDefault")] == ["Other"]
    found = by_name(datasources(ALL, [{"name": "Mine", "type": "x", "isDefault": True}]))
    assert [name for name, entry in found.items() if entry.get("isDefault")] == ["Mine"]


def test_alone_there_is_nothing_to_lead_to() -> None:
    for kind in ("prometheus", "loki", "tempo"):
        assert "datasourceUid" not in str(datasources([endpoint(kind)]))


def test_links_stay_within_a_site() -> None:
    sites = [
        endpoint(kind, name=f"{kind} {site}", site=site) for kind in ("prometheus", "tempo") for site in ("a", "b")
    ]
    found = by_name(datasources([*sites, endpoint("loki", name="all logs")]))
    assert found["prometheus b"]["jsonData"]["exemplarTraceIdDestinations"][0]["datasourceUid"] == "tempo-b"
    assert found["tempo b"]["jsonData"]["serviceMap"]["datasourceUid"] == "prometheus-b"
    assert found["tempo a"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "all-logs"
    assert found["all logs"]["jsonData"]["derivedFields"][0]["datasourceUid"] == "tempo-a"
    lonely = by_name(datasources([*sites, endpoint("loki", name="logs of c", site="c")]))
    assert "derivedFields" not in lonely["logs of c"]["jsonData"]


@pytest.mark.parametrize(("maker", "metric"), [("tempo", "traces_spanmetrics_"), ("otelcol", "traces_span_metrics_")])
def test_metrics_of_spans_are_those_of_their_maker(maker: str, metric: str) -> None:
    found = by_name(datasources([ALL[0], endpoint("tempo", span_metrics=maker)]))
    queries = found["Tempo"]["jsonData"]["tracesToMetrics"]["queries"]
    assert all(metric in query["query"] for query in queries)


def test_credentials_and_certificates_are_files() -> None:
    given = endpoint(
        "loki",
        ca="-----BEGIN CERTIFICATE-----",
        server_name="loki.example",
        certificate="/pki/c.pem",
        private_key="/pki/k.pem",
        username="grafana",
        password="canary-1",
        bearer_token="canary-2",
        headers={"X-Scope-OrgID": "shop$1"},
    )
    found = datasources([given])
    entry = found["datasources"][0]
    assert (entry["basicAuth"], entry["basicAuthUser"]) == (True, "grafana")
    data, secure = entry["jsonData"], entry["secureJsonData"]
    assert data["tlsAuth"] and data["tlsAuthWithCACert"] and data["serverName"] == "loki.example"
    assert (data["httpHeaderName1"], data["httpHeaderName2"]) == ("X-Scope-OrgID", "Authorization")
    read = "$__file{{/etc/grafana/{0}}}".format
    assert secure == {
        "tlsCACert": read("datasources/loki/ca.pem"),
        "tlsClientCert": read("datasources/loki/client.crt"),
        "tlsClientKey": read("secrets/datasources/loki/private_key"),
        "basicAuthPassword": read("secrets/datasources/loki/password"),
        "httpHeaderValue1": "shop$$1",
        "httpHeaderValue2": "Bearer $__file{/etc/grafana/secrets/datasources/loki/bearer_token}",
    }
    assert "canary" not in str(entry)
    named = {item["path"]: item.get("src") or item.get("content") for item in found["files"] + found["secrets"]}
    assert named == {
        "datasources/loki/ca.pem": "-----BEGIN CERTIFICATE-----",
        "datasources/loki/client.crt": "/pki/c.pem",
        "secrets/datasources/loki/private_key": "/pki/k.pem",
        "secrets/datasources/loki/password": "canary-1",
        "secrets/datasources/loki/bearer_token": "canary-2",
    }


def test_own_entries_win_key_by_key() -> None:
    found = by_name(datasources(ALL, [{"name": "Loki", "jsonData": {"maxLines": "50"}}, {"name": "Mine", "type": "x"}]))
    assert found["Loki"]["jsonData"]["maxLines"] == "50" and found["Loki"]["jsonData"]["derivedFields"]
    assert list(found) == ["Prometheus", "Loki", "Tempo", "Alertmanager", "Mine"]


@pytest.mark.parametrize(
    ("endpoints", "own", "words"),
    [
        ([{"name": "x", "type": "loki"}], [], "it has no url"),
        ([endpoint("mimir")], [], "its type is 'mimir'"),
        ([endpoint("loki", url="http://a:b@loki:1")], [], "username and password"),
        ([endpoint("loki", certificate="x")], [], "only one of certificate"),
        ([endpoint("loki", username="x")], [], "only one of username"),
        ([endpoint("loki", username="x", password="a$b")], [], "expands"),
        ([endpoint("tempo", span_metrics="x")], [], "tempo or otelcol"),
        ([endpoint("loki"), endpoint("loki", name="loki")], [], "has the same uid"),
        (ALL, [{"name": "x", "type": "y", "uid": "a b"}], "its uid is 'a b'"),
        (ALL, [{"name": "x"}], "it has no type"),
        (ALL, [{"name": "x", "type": "y", "password": "z"}], "unknown key password"),
        (ALL, [{"name": "x", "type": "y", "secureJsonData": {"password": "z"}}], "in the clear"),
        ([endpoint("prometheus", default=True)], [{"name": "x", "type": "y", "isDefault": True}], "same isDefault"),
    ],
)
def test_refuses(endpoints: list[t.Any], own: list[t.Any], words: str) -> None:
    with pytest.raises(StackError, match=r".") as caught:
        datasources(endpoints, own)
    assert words in str(caught.value)


def test_dashboards_have_a_place_that_never_moves() -> None:
    assert dashboard_files([{"src": "/a/x.json", "folder": "Shop"}, {"src": "b"}]) == [
        {"path": "dashboards/Shop/", "src": "/a/x.json", "variable": "grafana_dashboards"},
        {"path": "dashboards/", "src": "b", "variable": "grafana_dashboards"},
    ]
    for wrong in ([{}], ["x"], [{"src": "x", "folder": "a/b"}], [{"src": "x", "folder": ".a"}]):
        with pytest.raises(StackError):
            dashboard_files(wrong)
