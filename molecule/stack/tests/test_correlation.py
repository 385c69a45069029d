"""One request to the demo application is found four ways, and each way names the others."""

from __future__ import annotations

import json

import pytest
import spans
from lab import converge, get, query, wait_for

DEMO = "http://127.0.0.1:8000"
LOKI = "http://127.0.0.1:3100"
QUERY = "http://127.0.0.1:10904"


@pytest.fixture(scope="module")
def request_of_mine(host) -> dict:
    """A request, and the log event that the application wrote of it."""
    path = "/users/777"
    assert get(host, f"{DEMO}{path}").status == 200

    def written():
        lines = host.check_output("journalctl -u demo -o cat --no-pager -n 400").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return next((event for event in reversed(events) if event.get("path") == path), None)

    return wait_for("the event of the request", written, 10)


def test_its_counter_is_found_through_thanos_query(host, request_of_mine):
    promql = 'sum(http_requests_total{job="demo", endpoint="/users/{user_id}", status="200"})'
    rows = wait_for("the counter", lambda: query(host, promql, QUERY), 45)
    assert float(rows[0]["value"][1]) >= 1


def test_its_line_is_found_in_loki_by_its_trace(host, request_of_mine):
    trace_id = request_of_mine["trace_id"]

    def lines():
        logql = f'{{service_name=~".+"}} |= "{trace_id}"'
        options = ("-G", "--data-urlencode", f"query={logql}", "-d", "since=1h")
        answer = get(host, f"{LOKI}/loki/api/v1/query_range", *options)
        streams = answer.json["data"]["result"] if answer.status == 200 else []
        return [(stream["stream"], line) for stream in streams for _time, line in stream["values"]]

    labels, _line = wait_for("the line", lines, 30)[0]
    assert labels["site"] == "local"


def test_its_trace_is_found_in_tempo(host, request_of_mine):
    names = wait_for("the trace", lambda: spans.found(host, request_of_mine["trace_id"]), 40)
    assert {"fetch_user", "db_query"} <= set(names)


def test_an_exemplar_on_its_latency_leads_to_a_trace_that_is_there(host, request_of_mine):
    def exemplars():
        times = host.check_output("date +'start=%s' -d '-10 minutes'; date +'end=%s' -d '+1 minute'").split()
        options = [part for item in times for part in ("--data-urlencode", item)]
        promql = 'query=http_request_duration_seconds_bucket{job="demo"}'
        found = get(host, f"{QUERY}/api/v1/query_exemplars", "-G", "--data-urlencode", promql, *options)
        data = found.json["data"] or [] if found.status == 200 else []
        return [one["labels"]["trace_id"] for series in data for one in series["exemplars"]]

    trace_ids = wait_for("exemplars", exemplars, 45)
    wait_for("the trace of an exemplar", lambda: any(spans.found(host, one) for one in trace_ids[-5:]), 40)


def test_misbehaviour_shows_as_errors_everywhere(host):
    wish = json.dumps({"error_ratio": 1.0, "seconds": 20})
    put = ("-X", "PUT", "-H", "Content-Type: application/json", "--data", wish)
    assert get(host, f"{DEMO}/faults", *put).status == 200
    try:
        assert get(host, f"{DEMO}/users/5").status == 500
    finally:
        get(host, f"{DEMO}/faults", "-X", "DELETE")
    wait_for("errors", lambda: query(host, 'http_requests_total{job="demo", status="500"}', QUERY), 45)
    mine = '{ resource.service.name = "demo" && status = error }'
    wait_for("a trace with an error", lambda: spans.search(host, mine), 60)
    assert get(host, f"{DEMO}/users/5").status == 200


def test_second_run_changes_nothing(host):
    run = converge()
    assert run.code == 0 and run.changed == 0, run.errors or run.output
