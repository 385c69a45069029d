# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_health_stack and _health_judges: pages of the stack's services, and what is made of them."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _health, _health_judges, _health_stack
from ansible_collections.obs.stack.plugins.module_utils._health_page import Page

NOW = 1.0e6
# What each service says of itself when it is well.
WELL = {
    "thanos-sidecar": "thanos_sidecar_prometheus_up 1\nthanos_shipper_uploads_total 3\n",
    "thanos-query": 'thanos_store_nodes_grpc_connections{external_labels="{replica=\\"a\\"}",store_type="sidecar"} 2\n',
    "thanos-query-frontend": "",
    "thanos-store": 'thanos_bucket_store_blocks_loaded 4\nthanos_blocks_meta_synced{state="failed"} 0\n',
    "thanos-compact": "thanos_compact_halted 0\n",
    "thanos-rule": "thanos_rule_config_last_reload_successful 1\nprocess_start_time_seconds 1e+05\n",
    "thanos-receive": "",
    "loki": (
        'loki_ring_members{name="ingester",state="ACTIVE"} 3\nloki_ring_members{name="ingester",state="LEAVING"} 0\n'
        'loki_ring_members{name="compactor",state="ACTIVE"} 1\n'
        'loki_distributor_lines_received_total{tenant="fake"} 5\n'
    ),
    "tempo": 'tempo_distributor_spans_received_total{tenant="single-tenant"} 5\n',
    "otelcol": (
        'otelcol_exporter_queue_size{data_type="logs",exporter="a"} 1\n'
        'otelcol_exporter_queue_capacity{data_type="logs",exporter="a"} 10\n'
    ),
    "otelcol-agent": "",
    "promtail": "promtail_targets_active_total 2\n",
    "exporter": (
        "obs_exporter_config_last_reload_successful 1.0\n"
        'obs_exporter_collection_success{module="a"} 1.0\nobs_exporter_collection_success{module="b"} 1.0\n'
    ),
    "grafana": "",
    "gateway": (
        'haproxy_server_status{proxy="loki",server="a",state="UP"} 1\n'
        'haproxy_server_status{proxy="loki",server="a",state="DOWN"} 0\n'
        'haproxy_server_status{proxy="loki",server="b",state="UP"} 1\n'
    ),
    "demo": "",
}
EXPECTED: dict[str, t.Any] = {"members": 3, "lines": True, "spans": True, "stores": {"sidecar": 2}, "health_port": 1}
RULES = {"groups": [{"name": "g", "interval": 15, "rules": [{"name": "R", "health": "ok"}]}]}


def pages(component: str, metrics: str = "", **others: t.Any) -> dict[str, Page]:
    """Pages of a service that is well, its metrics replaced by others or some pages by others (json)."""
    found = {
        "/metrics": Page(200, metrics or WELL[component]),
        _health_judges.STORES: Page(200, '{"data": {"sidecar": [{"name": "a", "lastError": null}]}}'),
        _health_judges.QUERY: Page(200, '{"status": "success"}'),
        _health_judges.LOGQL: Page(200, '{"status": "success"}'),
        _health_judges.RULES: Page(200, json.dumps({"data": RULES})),
        _health_judges.GRAFANA: Page(200, '{"database": "ok", "version": "13.2.3"}'),
    }
    for path, document in others.items():
        found[getattr(_health_judges, path)] = Page(200, json.dumps(document))
    return {path: found.get(path, Page(200, "ready")) for path in _health.pages_of(component, EXPECTED)}


def findings(component: str, given: dict[str, Page], expected: t.Any = None, strict: bool = False) -> dict[str, str]:
    """What is not simply well: check to state and detail."""
    found = _health.evaluate(component, given, EXPECTED if expected is None else expected, NOW, strict=strict)
    return {
        one.check: "{0}: {1}".format("warning" if one.healthy else "WRONG", one.detail)
        for one in found
        if one.warning or not one.healthy
    }


@pytest.mark.parametrize("component", list(_health_stack.ROWS))
def test_service_that_is_well(component: str) -> None:
    assert findings(component, pages(component)) == {}
    assert findings(component, pages(component), strict=True) == {}


@pytest.mark.parametrize("component", list(_health_stack.ROWS))
def test_service_that_is_not_ready_tells_only_that(component: str) -> None:
    given = {path: Page(503, "Ingester not ready") for path in _health.pages_of(component, EXPECTED)}
    assert findings(component, given) == {"answers": "WRONG: HTTP 503 Ingester not ready"}


@pytest.mark.parametrize(
    ("component", "metrics", "check", "words"),
    [
        ("thanos-sidecar", "thanos_sidecar_prometheus_up 0\n", "prometheus", "WRONG: its Prometheus does not answer"),
        ("thanos-sidecar", "x 1\n", "prometheus", "WRONG: /metrics does not tell thanos_sidecar_prometheus_up"),
        (
            "thanos-sidecar",
            "thanos_sidecar_prometheus_up 1\nthanos_shipper_upload_failures_total 2\nthanos_shipper_uploads_total 0\n",
            "uploads",
            "WRONG: uploads failed since the start: 2, came through: 0",
        ),
        (
            "thanos-sidecar",
            "thanos_sidecar_prometheus_up 1\nthanos_shipper_upload_failures_total 2\nthanos_shipper_uploads_total 7\n",
            "uploads",
            "warning: uploads failed since the start: 2, came through: 7",
        ),
        ("thanos-query", "x 1\n", "endpoints", "WRONG: 0 of 2 sidecar connected"),
        ("thanos-compact", "thanos_compact_halted 1\n", "compaction", "WRONG: halted"),
        (
            "thanos-store",
            'thanos_bucket_store_blocks_loaded 4\nthanos_blocks_meta_synced{state="failed"} 2\n',
            "blocks",
            "WRONG: 2 blocks",
        ),
        (
            "thanos-store",
            "thanos_bucket_store_blocks_loaded 4\nthanos_blocks_meta_sync_failures_total 1\n",
            "bucket",
            "warning: 1 reads",
        ),
        ("thanos-rule", "thanos_rule_config_last_reload_successful 0\n", "configuration", "WRONG: the last reload"),
        (
            "loki",
            WELL["loki"].replace('state="ACTIVE"} 3', 'state="ACTIVE"} 2'),
            "ring",
            "WRONG: 2 of 3 active",
        ),
        ("loki", WELL["loki"].replace("fake", "x").replace("} 5", "} 0"), "lines", "WRONG: none has arrived"),
        ("loki", WELL["loki"] + 'loki_discarded_samples_total{reason="x"} 4\n', "limits", "warning: 4 lines"),
        ("loki", WELL["loki"] + "loki_ingester_wal_disk_full_failures_total 1\n", "storage", "warning: 1 writes"),
        ("tempo", "x 1\n", "spans", "WRONG: none has arrived"),
        ("tempo", WELL["tempo"] + "tempodb_retention_errors_total 1\n", "storage", "warning: 1 times"),
        ("otelcol", WELL["otelcol"].replace("} 1\n", "} 9\n"), "queues", "WRONG: nearly full: a 9 of 10"),
        (
            "otelcol",
            'otelcol_exporter_send_failed_spans{exporter="a"} 2\notelcol_exporter_send_failed_log_records_total 3\n',
            "exports",
            "warning: 5 items were given up",
        ),
        ("otelcol-agent", "otelcol_receiver_refused_log_records 1\n", "intake", "warning: 1 items were refused"),
        ("promtail", "promtail_targets_active_total 0\n", "files", "WRONG: nothing is read"),
        (
            "promtail",
            'promtail_targets_active_total 1\npromtail_dropped_entries_total{reason="x"} 6\n',
            "entries",
            "warning: 6 lines",
        ),
        ("gateway", WELL["gateway"].replace("} 1", "} 0"), "backends", "WRONG: no server is up: loki"),
        (
            "gateway",
            WELL["gateway"].replace('"b",state="UP"} 1', '"b",state="UP"} 0'),
            "backends",
            "warning: down: loki/b",
        ),
        (
            "exporter",
            WELL["exporter"].replace("successful 1.0", "successful 0.0"),
            "configuration",
            "WRONG: the last reload failed",
        ),
        ("exporter", WELL["exporter"].replace('"b"} 1.0', '"b"} 0.0'), "modules", "warning: cannot collect: b;"),
        (
            "exporter",
            WELL["exporter"] + 'obs_exporter_series_dropped_total{module="a",reason="limit"} 3.0\n',
            "series",
            "warning: 3 series",
        ),
        ("gateway", "x 1\n", "backends", "WRONG: /metrics does not tell haproxy_server_status"),
    ],
)
def test_what_is_wrong_is_told(component: str, metrics: str, check: str, words: str) -> None:
    found = findings(component, pages(component, metrics))
    assert list(found) == [check] and found[check].startswith(words), found
    strict = findings(component, pages(component, metrics), strict=True)
    assert strict[check].startswith("WRONG")


@pytest.mark.parametrize(
    ("component", "page", "document", "check", "words"),
    [
        (
            "thanos-query",
            "STORES",
            {"data": {"store": [{"name": "b:1", "lastError": "refused"}]}},
            "endpoints",
            "b:1: refused",
        ),
        ("thanos-query", "QUERY", {"status": "error", "error": "no store"}, "queries", "no store"),
        ("thanos-query-frontend", "QUERY", {"status": "error"}, "queries", "no success"),
        ("loki", "LOGQL", {"status": "error", "error": "too many unhealthy"}, "queries", "too many unhealthy"),
        ("grafana", "GRAFANA", {"database": "failing"}, "database", "failing; journalctl -u grafana"),
        (
            "thanos-rule",
            "RULES",
            {"data": {"groups": [{"name": "g", "rules": [{"name": "R", "health": "err", "lastError": "boom"}]}]}},
            "rules",
            "R in g: boom",
        ),
    ],
)
def test_pages_that_tell_of_trouble(component: str, page: str, document: t.Any, check: str, words: str) -> None:
    found = findings(component, pages(component, "", **{page: document}))
    assert list(found) == [check] and words in found[check], found


def test_a_ruler_without_rules_is_no_fault() -> None:
    assert findings("thanos-rule", pages("thanos-rule", "", RULES={"data": {"groups": []}})) == {}


def test_endpoints_of_a_query_can_be_counted_without_their_kinds() -> None:
    assert findings("thanos-query", pages("thanos-query"), {"stores": 2}) == {}
    assert "2 of 3 connected" in findings("thanos-query", pages("thanos-query"), {"stores": 3})["endpoints"]


def test_what_the_inventory_does_not_expect_is_not_judged() -> None:
    assert findings("tempo", pages("tempo", "x 1\n"), {}) == {}
    assert findings("loki", pages("loki", "x 1\n"), {}) == {}


def test_the_collector_is_asked_on_its_health_port_where_that_is_known() -> None:
    assert _health.pages_of("otelcol", {"health_port": 13133}) == (_health.HEALTH_PORT, "/metrics")
    assert _health.pages_of("otelcol", {}) == ("/metrics",)


def test_metrics_that_ask_for_a_login_are_told() -> None:
    given = {**pages("tempo"), "/metrics": Page(401, "")}
    assert findings("tempo", given) == {"metrics": "WRONG: HTTP 401: the user name or password is refused"}


def test_queries_that_hang_are_told_though_loki_is_ready() -> None:
    given = {**pages("loki"), _health_judges.LOGQL: Page(0, "http://a:3100 does not answer: timed out")}
    assert findings("loki", given) == {"queries": "WRONG: http://a:3100 does not answer: timed out"}
