# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules, dashboards and pipelines rely on."""

from __future__ import annotations

import io
import json
import re

import pytest
import structlog
from fastapi.testclient import TestClient
from obs_demo import telemetry
from obs_demo.app import create
from obs_demo.faults import Faults
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

OPENMETRICS = {"accept": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture(scope="session")
def spans() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    telemetry.set_up_traces().add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    structlog.reset_defaults()
    telemetry.set_up_logs()
    return stream


@pytest.fixture
def client(spans: InMemorySpanExporter, logged: io.StringIO) -> TestClient:
    spans.clear()
    return TestClient(create(Faults(chance=lambda: 0.0)), raise_server_exceptions=False)


def lines(logged: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in logged.getvalue().splitlines()]


def test_request_is_counted_by_its_route_template(client: TestClient) -> None:
    assert client.get("/users/7").json() == {"id": 7, "name": "user 7"}
    text = client.get("/metrics").text
    assert 'http_requests_total{endpoint="/users/{user_id}",method="GET",status="200"} 1.0' in text
    assert 'http_request_duration_seconds_count{endpoint="/users/{user_id}",method="GET"} 1.0' in text
    assert "/users/7" not in text


def test_metric_log_and_spans_name_one_trace(
    client: TestClient, logged: io.StringIO, spans: InMemorySpanExporter
) -> None:
    client.get("/users/7")
    event = lines(logged)[-1]
    assert (event["message"], event["method"], event["path"], event["status"]) == (
        "request_completed", "GET", "/users/7", 200,
    )  # fmt: skip
    exposed = client.get("/metrics", headers=OPENMETRICS).text
    assert re.findall(r'_bucket\{.*# \{trace_id="([0-9a-f]{32})"\}', exposed) == [event["trace_id"]]
    found = {span.name: format(span.context.trace_id, "032x") for span in spans.get_finished_spans() if span.context}
    assert found["fetch_user"] == found["db_query"] == event["trace_id"]


def test_unknown_user_is_no_failure(client: TestClient, logged: io.StringIO) -> None:
    assert client.get("/users/5000").status_code == 404
    assert lines(logged)[-1]["message"] == "request_completed"


def test_misbehaves_on_command_and_behaves_again(
    client: TestClient, logged: io.StringIO, spans: InMemorySpanExporter
) -> None:
    assert client.put("/faults", json={"error_ratio": 1.0, "seconds": 60}).status_code == 200
    assert client.get("/users/7").status_code == 500
    event = lines(logged)[-1]
    assert (event["message"], event["status"], event["level"]) == ("request_failed", 500, "error")
    assert event["trace_id"]
    server = next(span for span in spans.get_finished_spans() if span.kind is trace.SpanKind.SERVER)
    assert server.status.status_code is trace.StatusCode.ERROR
    assert 'status="500"} 1.0' in client.get("/metrics").text
    client.delete("/faults")
    assert client.get("/users/7").status_code == 200


@pytest.mark.parametrize("wish", [{"error_ratio": 2}, {"latency_seconds": 99}, {"seconds": 0}, {"seconds": 1e9}])
def test_wish_out_of_range_is_refused(client: TestClient, wish: dict[str, float]) -> None:
    assert client.put("/faults", json=wish).status_code == 422
    assert client.get("/users/7").status_code == 200


def test_faults_end_by_themselves() -> None:
    now = [0.0]
    faults = Faults(clock=lambda: now[0], chance=lambda: 0.0)
    faults.begin(error_ratio=0.5, latency=1.5, seconds=10)
    assert faults.strikes() and faults.delay() == 1.5
    now[0] = 10.0
    assert not faults.strikes() and faults.delay() == 0.0


def test_operators_questions_are_neither_counted_nor_traced(
    client: TestClient, logged: io.StringIO, spans: InMemorySpanExporter
) -> None:
    for path in ("/metrics", "/healthz"):
        assert client.get(path).status_code == 200
    assert "http_requests_total{" not in client.get("/metrics").text
    assert not lines(logged) and not spans.get_finished_spans()
