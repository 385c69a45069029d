# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One span per collection reaches a receiver of OTLP over HTTP; one that hangs keeps nobody waiting."""

from __future__ import annotations

import gzip
import http.server
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

collector = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

CONFIG = """modules:
  good:
    kind: command
    command: [/bin/echo, '1']
    format: number
    metrics: [{name: good_value, help: One., value: '@'}]
  bad:
    kind: command
    command: [/bin/false]
    format: number
    metrics: [{name: bad_value, help: None., value: '@'}]
"""
ERROR = 2  # STATUS_CODE_ERROR


class Receiver(http.server.ThreadingHTTPServer):
    """Takes spans. hangs: never answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Any] = []
        self.paths: set[str] = set()
        self.hangs = threading.Event()
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self) -> list[Any]:
        """All that came."""
        return [
            span
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hangs.is_set():
            self.server.closing.wait(60)
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.paths.add(self.path)
        self.server.requests.append(collector.ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """On loopback."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


def attributes(items: Any) -> dict[str, str]:
    """Texts among attributes."""
    return {item.key: item.value.string_value for item in items}


def until(what: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_one_span_per_collection(run: Callable[..., Any], receiver: Receiver) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    exporter = run(CONFIG, environment={**told, "OTEL_SERVICE_NAME": "shop-exporter"})
    for _scrape in range(3):
        assert exporter.value("good_value") == 1
    until(lambda: len(receiver.spans) >= 6)
    assert exporter.stop() == 0
    spans = receiver.spans
    assert Counter(span.name for span in spans) == {"collect good": 3, "collect bad": 3}
    assert receiver.paths == {"/v1/traces"}
    resource = attributes(receiver.requests[0].resource_spans[0].resource.attributes)
    assert resource["service.name"] == "shop-exporter" and resource["service.version"]
    for span in spans:
        told_by_span = attributes(span.attributes)
        assert (told_by_span["obs.module"], told_by_span["obs.kind"]) == (span.name.split()[1], "command")
        assert span.end_time_unix_nano > span.start_time_unix_nano
        assert (span.status.code == ERROR) == (span.name == "collect bad")
        assert not span.events, "an exception's text may hold what must not leave the host"
    # What the log says of a collection can be found by its trace.
    (line,) = [line for line in exporter.log if "cannot collect" in line]
    found = re.search(r"trace_id=([0-9a-f]{32})", line)
    assert found and found[1] in {span.trace_id.hex() for span in spans if span.name == "collect bad"}


def test_the_last_spans_are_sent_at_the_end(run: Callable[..., Any], receiver: Receiver) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    exporter = run(CONFIG, environment=told)
    exporter.get()
    assert not receiver.spans and exporter.stop() == 0
    assert len(receiver.spans) == 2


def test_a_receiver_that_hangs_keeps_nobody_waiting(run: Callable[..., Any], receiver: Receiver) -> None:
    receiver.hangs.set()
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    exporter = run(CONFIG, environment=told)
    for _scrape in range(5):
        began = time.monotonic()
        assert exporter.value("good_value") == 1
        assert time.monotonic() - began < 2
        time.sleep(0.1)
    began = time.monotonic()
    assert exporter.stop() == 0
    assert time.monotonic() - began < 6


def test_none_without_an_endpoint_or_where_they_are_off(run: Callable[..., Any], receiver: Receiver) -> None:
    exporter = run(CONFIG, environment={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SDK_DISABLED": "true"})
    exporter.get()
    assert exporter.stop() == 0 and not receiver.spans
