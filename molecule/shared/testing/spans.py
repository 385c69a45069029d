"""Traces for tests: made here, sent from a host by OTLP over HTTP, asked back from Tempo."""

from __future__ import annotations

import json
import secrets
import shlex
import time
from dataclasses import dataclass, field
from typing import Any

from lab import Answer, get

SERVER, INTERNAL = 2, 1
ERROR = 2


@dataclass
class Trace:
    """One request of a service: a server span and, inside, one of its own.

    ago: seconds since it began; seconds: how long it took; trace_id: made up unless given.
    """

    service: str
    seconds: float = 0.05
    error: bool = False
    ago: float = 1.0
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))

    def resource_spans(self) -> dict[str, Any]:
        """OTLP's JSON of it."""
        start = int((time.time() - self.ago) * 1e9)
        end = start + int(self.seconds * 1e9)
        root, inner = secrets.token_hex(8), secrets.token_hex(8)
        times = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(end), "traceId": self.trace_id}
        status = {"status": {"code": ERROR}} if self.error else {}
        route = {"attributes": [{"key": "http.route", "value": {"stringValue": "/users/{user_id}"}}]}
        spans = [
            {**times, **status, **route, "spanId": root, "name": "GET /users/{user_id}", "kind": SERVER},
            {**times, "spanId": inner, "parentSpanId": root, "name": "db_query", "kind": INTERNAL},
        ]
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": self.service}}]}
        return {"resource": resource, "scopeSpans": [{"spans": spans}]}


def send(host: Any, base: str, traces: list[Trace], *options: str) -> Answer:
    """POST traces to <base>/v1/traces from the host itself, by curl; options: further arguments of curl."""
    return post(host, f"{base}/v1/traces", {"resourceSpans": [trace.resource_spans() for trace in traces]}, *options)


def post(host: Any, url: str, document: Any, *options: str) -> Answer:
    """POST JSON from the host itself. status 0: no answer."""
    arguments = " ".join(shlex.quote(option) for option in options)
    # The document is larger than an argument may be.
    answer = host.run(
        f"curl -sS --max-time 20 -w '\\n%{{http_code}}' -H 'Content-Type: application/json' {arguments} "
        f"--data-binary @- {shlex.quote(url)} <<'END_OF_DOCUMENT'\n{json.dumps(document)}\nEND_OF_DOCUMENT\n"
    )
    body, _newline, status = answer.stdout.rpartition("\n")
    return Answer(int(status or 0), body or answer.stderr)


def found(host: Any, trace_id: str, base: str = "http://127.0.0.1:3200", *options: str) -> list[str]:
    """Names of the trace's spans, sorted; none when Tempo does not have it."""
    answer = get(host, f"{base}/api/traces/{trace_id}", *options)
    if answer.status != 200:
        return []
    batches = answer.json["batches"]
    return sorted(span["name"] for batch in batches for scope in batch["scopeSpans"] for span in scope["spans"])


def search(host: Any, traceql: str, base: str = "http://127.0.0.1:3200", *options: str) -> list[str]:
    """Ids of the traces a TraceQL query finds, at full length."""
    question = ("-G", "--data-urlencode", f"q={traceql}", "--data-urlencode", "limit=1000", *options)
    answer = get(host, f"{base}/api/search", *question)
    assert answer.status == 200, f"search {traceql}: HTTP {answer.status} {answer.body}"
    return [trace["traceID"].rjust(32, "0") for trace in answer.json.get("traces") or []]
