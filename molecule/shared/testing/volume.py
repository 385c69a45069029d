"""Many spans, on a host: sent by OTLP over HTTP at a steady rate, and every trace asked back from Tempo.

Copied to the host and run there by its python3: standard library only, Python 3.9.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
import urllib.parse

SPANS_PER_TRACE = 10
TRACES_PER_REQUEST = 20


def trace_id(run: str, number: int) -> str:
    """Id of a trace: 8 digits of the run, 24 of its number."""
    return f"{run}{number:024x}"


def document(run: str, numbers: range) -> bytes:
    """OTLP's JSON of some traces."""
    spans = []
    for number in numbers:
        start = time.time_ns()
        for inner in range(SPANS_PER_TRACE):
            span = {
                "traceId": trace_id(run, number),
                "spanId": f"{number:012x}{inner + 1:04x}",
                "name": f"step {inner}",
                "kind": 1,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + 10**6),
            }
            if inner:
                span["parentSpanId"] = f"{number:012x}0001"
            spans.append(span)
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": f"volume-{run}"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()


def send(base: str, run: str, traces: int, seconds: float) -> int:
    """Send so many traces within so many seconds; returns how many requests were refused."""
    place = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    begun, refused = time.monotonic(), 0
    for first in range(0, traces, TRACES_PER_REQUEST):
        body = document(run, range(first, min(first + TRACES_PER_REQUEST, traces)))
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        refused += answer.status != 200
        time.sleep(max(0.0, begun + seconds * first / traces - time.monotonic()))
    return refused


def missing(base: str, run: str, traces: int) -> list[str]:
    """Which traces Tempo does not have, or not with all their spans."""
    place = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    found = []
    for number in range(traces):
        connection.request("GET", f"/api/traces/{trace_id(run, number)}")
        answer = connection.getresponse()
        body = answer.read()
        names: set[str] = set()
        if answer.status == 200:
            for batch in json.loads(body)["batches"]:
                names.update(span["name"] for scope in batch["scopeSpans"] for span in scope["spans"])
        if len(names) != SPANS_PER_TRACE:
            found.append(trace_id(run, number))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("send", "missing"))
    parser.add_argument("base")
    parser.add_argument("run")
    parser.add_argument("traces", type=int)
    parser.add_argument("seconds", type=float, nargs="?", default=0)
    options = parser.parse_args()
    if options.action == "send":
        refused = send(options.base, options.run, options.traces, options.seconds)
        print(f"refused {refused}")
        sys.exit(1 if refused else 0)
    print(json.dumps(missing(options.base, options.run, options.traces)))


if __name__ == "__main__":
    main()
