"""Loki takes lines and finds them, keeps its periods, and never runs on a configuration it would refuse."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from lab import converge, exposure, get, process, query, wait_for

LOKI = "http://127.0.0.1:3100"
ONLY = ("--tags", "loki")


def push(host, service: str, line: str, trace_id: str) -> None:
    """One line with its trace id as structured metadata, by the push API."""
    values = [[str(time.time_ns()), line, {"trace_id": trace_id}]]
    body = json.dumps({"streams": [{"stream": {"service": service, "site": "lab"}, "values": values}]})
    options = ("-X", "POST", "-H", "Content-Type: application/json", "--data", body)
    answer = get(host, f"{LOKI}/loki/api/v1/push", *options)
    assert answer.status == 204, answer


def lines(host, logql: str, minutes: int = 60) -> list[dict]:
    """What LogQL finds, streams with their structured metadata."""
    start = time.time_ns() - minutes * 60 * 10**9
    options = ("-G", "--data-urlencode", f"query={logql}", "-d", f"start={start}", "-d", "limit=5000")
    answer = get(host, f"{LOKI}/loki/api/v1/query_range", *options)
    assert answer.status == 200, f"{logql}: HTTP {answer.status} {answer.body}"
    return answer.json["data"]["result"]


@pytest.fixture
def undone():
    """Brings the host back to the scenario's own wish, whatever the test did."""
    yield
    assert converge(arguments=ONLY).code == 0


def test_ready_and_sealed(host):
    assert get(host, f"{LOKI}/ready").status == 200
    assert exposure(host, "loki") <= 3.0
    assert host.file("/etc/loki/loki.yml").mode == 0o640


def test_nothing_of_it_is_open_to_other_hosts(host):
    listening = host.check_output("ss -Hltnp").splitlines()
    own = [line.split()[3] for line in listening if '"loki"' in line]
    assert own, listening
    assert all(address.startswith(("127.", "[::1]")) for address in own), own


def test_line_is_found_by_its_trace_id(host):
    trace_id, service = uuid.uuid4().hex, f"push-{uuid.uuid4().hex[:8]}"
    push(host, service, "paid", trace_id)
    (stream,) = wait_for("the line", lambda: lines(host, f'{{service="{service}"}} | trace_id="{trace_id}"'), 20)
    assert stream["values"][0][1] == "paid"
    assert stream["stream"]["service_name"] == service and stream["stream"]["site"] == "lab"


def test_otlp_line_has_the_same_labels(host):
    trace_id, service = uuid.uuid4().hex, f"otlp-{uuid.uuid4().hex[:8]}"
    attributes = {"service.name": service, "service": service, "site": "lab", "instance": "a:1", "k8s.pod.name": "p"}
    pairs = [{"key": key, "value": {"stringValue": text}} for key, text in attributes.items()]
    body = {
        "resourceLogs": [
            {
                "resource": {"attributes": pairs},
                "scopeLogs": [
                    {
                        "logRecords": [
                            {
                                "timeUnixNano": str(time.time_ns()),
                                "traceId": trace_id,
                                "body": {"stringValue": "by otlp"},
                            },
                        ]
                    }
                ],
            }
        ]
    }
    options = ("-X", "POST", "-H", "Content-Type: application/json", "--data", json.dumps(body))
    assert get(host, f"{LOKI}/otlp/v1/logs", *options).status in (200, 204)
    wait_for("the line", lambda: lines(host, f'{{service="{service}"}} | trace_id="{trace_id}"'), 20)
    answer = get(host, f"{LOKI}/loki/api/v1/series", "-G", "--data-urlencode", f'match[]={{service="{service}"}}')
    (labels,) = answer.json["data"]
    assert labels == {"service_name": service, "service": service, "site": "lab", "instance": "a:1"}


def test_acknowledged_lines_outlive_a_kill(host):
    trace_id, service = uuid.uuid4().hex, f"kill-{uuid.uuid4().hex[:8]}"
    before = process(host, "loki")
    push(host, service, "kept", trace_id)
    host.check_output(f"kill -9 {before.pid}")
    wait_for("Loki after a kill", lambda: get(host, f"{LOKI}/ready").status == 200, 60)
    assert process(host, "loki").pid not in (0, before.pid)
    wait_for("the line", lambda: lines(host, f'{{service="{service}"}} | trace_id="{trace_id}"'), 20)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"loki_config": {"limits_config": {"retention": "1h"}}}, "retention not found"),
        ({"loki_config": {"server": {"http_listen_port": "many"}}}, "many"),
        ({"loki_retention_time": "1h"}, "less than a day"),
        ({"loki_listen_address": "0.0.0.0:3100"}, "asks for no client certificate"),
        ({"loki_members": ["a:7946", "b:7946", "c:7946"], "loki_advertise_address": "127.0.0.1"}, "on their own disk"),
        # A bucket instead of the disk would change the object store of the period in use.
        ({"loki_s3": {"bucketnames": "logs", "region": "x"}}, 'object_store: "filesystem" -> "s3"'),
        (
            {
                "loki_config": {
                    "schema_config": {
                        "configs": [
                            {
                                "from": "2024-05-01",
                                "store": "tsdb",
                                "object_store": "filesystem",
                                "schema": "v13",
                                "index": {"prefix": "index_", "period": "24h"},
                            }
                        ]
                    }
                }
            },
            "2024-04-01 is in use and would be gone",
        ),
    ],
    ids=["unknown-key", "wrong-type", "retention", "open", "ring-on-disk", "bucket", "period"],
)
def test_refused_before_anything_changes(host, variables, words):
    before, generation = process(host, "loki"), host.check_output("readlink /opt/obs/loki/current")
    # No bucket is asked before: the one here is of nobody.
    run = converge(variables, arguments=(*ONLY, "--skip-tags", "buckets"))
    assert run.code != 0
    assert words in run.errors, run.errors
    assert process(host, "loki") == before
    assert host.check_output("readlink /opt/obs/loki/current") == generation


def test_check_mode_foretells_a_period_ahead(host):
    periods = [
        {
            "from": begin,
            "store": "tsdb",
            "object_store": "filesystem",
            "schema": "v13",
            "index": {"prefix": prefix, "period": "24h"},
        }
        for begin, prefix in (("2024-04-01", "index_"), ("2099-01-01", "later_"))
    ]
    before = process(host, "loki")
    run = converge({"loki_config": {"schema_config": {"configs": periods}}}, arguments=(*ONLY, "--check", "--diff"))
    assert run.code == 0, run.errors or run.output
    (result,) = run.results("loki")
    assert result["validated"] is True
    assert "action: reconfigure" in run.output and "prefix: later_" in run.output
    assert process(host, "loki") == before


def test_changed_configuration_restarts_it_and_comes_back(host, undone):
    before = process(host, "loki")
    run = converge({"loki_config": {"limits_config": {"max_global_streams_per_user": 12345}}}, arguments=ONLY)
    assert run.code == 0, run.errors or run.output
    assert run.changed == 1
    assert process(host, "loki").pid not in (0, before.pid)
    assert "max_global_streams_per_user: 12345" in get(host, f"{LOKI}/config").body


def test_volumes_are_recorded(host):
    if not get(host, f"{LOKI}/loki/api/v1/rules").body.count("log_volume"):
        pytest.skip("this estate writes nothing to Prometheus")
    push(host, "volume-test", "level=error something", uuid.uuid4().hex)
    found = wait_for("the recorded volume", lambda: query(host, 'service_level:log_lines:rate1m{service!=""}'), 180)
    assert {"service", "level"} <= set(found[0]["metric"])
