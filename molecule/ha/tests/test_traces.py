"""A span sent to the gateway with its token is a trace at the gateway, and a number in both replicas."""

from __future__ import annotations

import secrets

import spans
from guarded import FRONT, LOGIN, THANOS, TOKEN, at
from lab import get, query, wait_for

testinfra_hosts = ["ha-gw"]

SEND = f"{FRONT}:4318"
TEMPO = f"{FRONT}:3200"


def test_a_trace_comes_back_through_the_gateway(host):
    trace = spans.Trace(f"lab-{secrets.token_hex(4)}")
    assert spans.send(host, SEND, [trace], *TOKEN).status == 200
    found = wait_for("the trace", lambda: spans.found(host, trace.trace_id, TEMPO, *LOGIN), 60)
    assert found == ["GET /users/{user_id}", "db_query"]


def test_who_has_no_token_cannot_send(host):
    trust = TOKEN[:2]
    assert spans.send(host, SEND, [spans.Trace("lab-nobody")], *trust).status == 401
    assert get(host, f"{TEMPO}/api/search", *trust).status == 401


def test_metrics_of_spans_are_written_to_both_replicas(host):
    service = f"lab-{secrets.token_hex(4)}"
    assert spans.send(host, SEND, [spans.Trace(service)], *TOKEN).status == 200
    ours = f'{{__name__=~"traces_spanmetrics_calls_total|traces_span_metrics_calls_total", service_name="{service}"}}'
    tempos = f'traces_spanmetrics_calls_total{{service="{service}", span_kind="SPAN_KIND_SERVER"}}'
    straight = ("--cacert", "/etc/prometheus/tls/ca.pem", "--user", "metrics:canary-4711")
    for name in ("ha-a", "ha-b"):
        own = f"https://{name}:9090"
        wait_for(f"Tempo's in {name}", lambda own=own, name=name: query(at(name), tempos, own, *straight), 90)
        wait_for(f"the collector's in {name}", lambda own=own, name=name: query(at(name), ours, own, *straight), 90)
    assert len(query(host, tempos, THANOS, *LOGIN)) == 1


def test_grafana_asks_through_the_gateway(host):
    access = (*LOGIN[:2], "--user", "admin:canary-administrator")
    answer = get(host, f"{FRONT}:3000/api/datasources", *access)
    assert answer.status == 200, answer.body
    urls = {row["type"]: row["url"] for row in answer.json}
    assert urls == {
        "prometheus": THANOS,
        "loki": f"{FRONT}:3100",
        "tempo": TEMPO,
        "alertmanager": f"{FRONT}:9093",
    }
    for row in answer.json:
        # The list leaves the user out.
        one = get(host, f"{FRONT}:3000/api/datasources/uid/{row['uid']}", *access)
        assert one.json["basicAuthUser"] == "estate", one.body
