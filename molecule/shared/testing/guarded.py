"""A site with TLS and passwords: how tests of the scenario `ha` ask its services, by the gateway and straight."""

from __future__ import annotations

import json
import time
from typing import Any

import testinfra
from lab import INVENTORY, Answer, get

# From ha-gw, as the stack itself.
FRONT = "https://ha-gw"
LOGIN = ("--cacert", "/etc/gateway/tls/ca.pem", "--user", "estate:canary-of-the-gateway")
TOKEN = ("--cacert", "/etc/gateway/tls/ca.pem", "-H", "Authorization: Bearer canary-of-the-collector")
# From ha-a and ha-b, to one member's own page.
STRAIGHT = ("--cacert", "/etc/prometheus/tls/ca.pem", "--user", "metrics:canary-4711")
LOKI = f"{FRONT}:3100"
THANOS = f"{FRONT}:10904"
BUCKET = "http://127.0.0.1:8333"


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def bucket(name: str, path: str = "") -> Answer:
    """What the S3 server has: the list of a bucket's objects, or one of them."""
    keys = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "lab:canary-of-the-bucket")
    return get(at("ha-s3"), f"{BUCKET}/{name}" + (f"/{path}" if path else "?list-type=2"), *keys)


def push(host: Any, service: str, lines: list[str], *options: str) -> int:
    """Write lines to Loki through the gateway; the status, 0 for no answer."""
    now = time.time_ns()
    values = [[str(now + number), line] for number, line in enumerate(lines)]
    document = json.dumps({"streams": [{"stream": {"service_name": service}, "values": values}]})
    posted = ("-H", "Content-Type: application/json", "-d", document)
    return get(host, f"{LOKI}/loki/api/v1/push", *(options or LOGIN), *posted).status


def lines(host: Any, service: str) -> list[str]:
    """All lines of a service of the last hour, as Loki answers through the gateway; none while it does not."""
    parts = (f'query={{service_name="{service}"}}', "limit=5000", f"start={time.time_ns() - 3600 * 10**9}")
    options = [word for part in parts for word in ("--data-urlencode", part)]
    answer = get(host, f"{LOKI}/loki/api/v1/query_range", *LOGIN, "-G", *options)
    if answer.status != 200:
        return []
    return [value[1] for stream in answer.json["data"]["result"] for value in stream["values"]]
