"""The collector: a gateway that samples, measures and passes on, an agent that reads; nothing lost on the way."""

from __future__ import annotations

import json
import secrets

import pytest
import spans
from lab import converge, exposure, get, process, query, wait_for

GATEWAY = "http://127.0.0.1:4318"
LOKI = "http://127.0.0.1:3100"
TAGS, AGENT = ("--tags", "otelcol"), ("--tags", "otelcol-agent")
TOKEN = "a-token-of-this-test-0123456789"


@pytest.fixture
def undone():
    """Brings the host back to the scenario's own wish, whatever the test did."""
    yield
    run = converge(arguments=TAGS)
    assert run.code == 0, run.errors or run.output


def lines(host, logql: str, limit: int = 5000) -> list[tuple[dict, str]]:
    """(labels and structured metadata, line) of what Loki has of the last hour."""
    start = host.check_output("date +%s -d '-1 hour'")
    parts = (f"query={logql}", f"limit={limit}", f"start={start}")
    options = [word for part in parts for word in ("--data-urlencode", part)]
    answer = get(host, f"{LOKI}/loki/api/v1/query_range", "-G", *options)
    if answer.status in (0, 503):
        return []  # Loki is not ready again
    assert answer.status == 200, f"{logql}: HTTP {answer.status} {answer.body}"
    streams = answer.json["data"]["result"]
    return [(stream["stream"], value[1]) for stream in streams for value in stream["values"]]


def send_lines(host, service: str, records: list[dict], *options: str) -> int:
    """OTLP log records of a service to the gateway; the status."""
    now = int(host.check_output("date +%s%N"))
    for number, record in enumerate(records):
        record.setdefault("timeUnixNano", str(now + number))
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    document = {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
    return spans.post(host, f"{GATEWAY}/v1/logs", document, *options).status


def record(text: str, severity: int = 9, trace_id: str = "") -> dict:
    """One OTLP log record; severity 9 is info, 13 a warning."""
    found = {"body": {"stringValue": text}, "severityNumber": severity}
    return {**found, "traceId": trace_id} if trace_id else found


def counter(host, name: str, port: int = 8889) -> float:
    """A sample of the collector's own metrics, 0 when it is not there; name with its labels."""
    body = get(host, f"http://127.0.0.1:{port}/metrics").body
    return sum(float(line.rpartition(" ")[2]) for line in body.splitlines() if line.startswith(name))


def test_both_run_sealed_and_a_second_run_changes_nothing(host):
    before = [process(host, name) for name in ("otelcol", "otelcol-agent")]
    assert exposure(host, "otelcol") <= 3.0 and exposure(host, "otelcol-agent") <= 3.0
    for tags in (TAGS, AGENT):
        run = converge(arguments=tags)
        assert run.code == 0 and run.changed == 0, run.errors or run.output
    assert [process(host, name) for name in ("otelcol", "otelcol-agent")] == before


def test_a_trace_through_the_gateway_is_kept_and_measured(host):
    service = f"gate-{secrets.token_hex(4)}"
    trace = spans.Trace(service)
    assert spans.send(host, GATEWAY, [trace]).status == 200
    wait_for("the trace", lambda: spans.found(host, trace.trace_id), 30)
    name = f'traces_span_metrics_duration_milliseconds_bucket{{service="{service}"}}'
    series = wait_for("span metrics", lambda: query(host, name), 60)
    labels = series[0]["metric"]
    assert labels["service_name"] == service and "collector_instance_id" not in labels
    assert {item["metric"].get("http_route") for item in series} >= {"/users/{user_id}"}

    def exemplars():
        times = host.check_output("date +'start=%s' -d '-10 minutes'; date +'end=%s' -d '+1 minute'").split()
        options = [word for part in (f"query={name}", *times) for word in ("--data-urlencode", part)]
        found = get(host, "http://127.0.0.1:9090/api/v1/query_exemplars", "-G", *options).json["data"]
        return {item["labels"].get("trace_id") for one in found for item in one["exemplars"]}

    assert wait_for("an exemplar", exemplars, 30) == {trace.trace_id}


def test_a_line_through_the_gateway_is_found_by_its_trace_id(host):
    service, trace_id = f"said-{secrets.token_hex(4)}", secrets.token_hex(16)
    assert send_lines(host, service, [record("hello", trace_id=trace_id)]) == 200
    found = wait_for("the line", lambda: lines(host, f'{{service_name="{service}"}} | trace_id="{trace_id}"'), 30)
    assert found[0][1] == "hello" and found[0][0]["service"] == service


def test_the_agent_reads_files_and_journal(host):
    run, trace_id = secrets.token_hex(4), secrets.token_hex(16)
    document = {"level": "error", "event": run, "trace_id": trace_id, "timestamp": host.check_output("date -u +%FT%TZ")}
    host.run_test("mkdir -p /var/log/app && chmod 755 /var/log/app")
    host.run_test(f"echo '{json.dumps(document)}' >> /var/log/app/app.log && chmod 644 /var/log/app/app.log")
    host.run_test(f"systemd-run --quiet --unit=said-{run} --wait echo 'journal {run}'")
    found = wait_for("the file's line", lambda: lines(host, f'{{service_name="app"}} | trace_id="{trace_id}"'), 30)
    assert json.loads(found[0][1]) == document
    assert found[0][0]["severity_text"] == "error"
    said = wait_for("the journal's line", lambda: lines(host, f'{{service_name="said-{run}"}}'), 30)
    assert f"journal {run}" in [line for _labels, line in said]


def test_lines_written_while_loki_and_then_the_agent_restart_all_arrive(host):
    run = secrets.token_hex(4)

    def write(first: int, last: int) -> None:
        host.run_test(f"seq -f 'line {run} %g' {first} {last} >> /var/log/app/numbered.log")

    host.run_test("mkdir -p /var/log/app && chmod 755 /var/log/app && touch /var/log/app/numbered.log")
    write(1, 500)
    host.run_test("systemctl stop loki")
    try:
        write(501, 1000)
        host.run_test("systemctl restart otelcol-agent")
        write(1001, 1500)
    finally:
        host.run_test("systemctl start loki")
    write(1501, 2000)

    def arrived():
        return [line for _labels, line in lines(host, f'{{service_name="app"}} |= "line {run} "')]

    wait_for("all lines", lambda: len(set(arrived())) == 2000, 120)
    assert len(arrived()) == 2000, "some came twice"


def test_spans_sent_while_tempo_is_down_all_arrive_over_a_restart_of_the_gateway(host):
    traces = [spans.Trace("queued") for _number in range(50)]
    host.run_test("systemctl kill --signal=KILL tempo; systemctl stop tempo")
    try:
        assert spans.send(host, GATEWAY, traces[:25]).status == 200
        host.run_test("systemctl restart otelcol")
        wait_for("the gateway", lambda: spans.send(host, GATEWAY, traces[25:]).status == 200, 20)
    finally:
        host.run_test("systemctl start tempo")
    wait_for("all traces", lambda: all(spans.found(host, trace.trace_id) for trace in traces), 90)


def test_sampling_keeps_errors_slow_ones_and_the_share_with_its_lines(host, undone):
    asked = {"otelcol_trace_percentage": 25, "otelcol_decision_wait": "2s", "otelcol_log_sampling": {"chatty": 0}}
    run = converge(asked, arguments=TAGS)
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    kept, dropped = [secrets.token_hex(14) + end for end in ("0abc", "fabc")]
    error, slow = spans.Trace("chatty", error=True), spans.Trace("chatty", seconds=3, ago=5)
    plain = [spans.Trace("chatty", trace_id=kept), spans.Trace("chatty", trace_id=dropped)]
    assert spans.send(host, GATEWAY, [error, slow, *plain]).status == 200
    mine = secrets.token_hex(4)
    said = [
        record(f"{mine} kept trace", trace_id=kept),
        record(f"{mine} dropped trace", trace_id=dropped),
        record(f"{mine} warning", severity=13, trace_id=dropped),
        record(f"{mine} no trace"),
    ]
    assert send_lines(host, "chatty", said) == 200
    assert send_lines(host, "quiet", [record(f"{mine} other service")]) == 200
    for trace_id in (error.trace_id, slow.trace_id, kept):
        wait_for("a kept trace", lambda trace_id=trace_id: spans.found(host, trace_id), 30)
    assert not spans.found(host, dropped)
    wait_for("the other service", lambda: lines(host, f'{{service_name="quiet"}} |= "{mine}"'), 30)
    found = {line.removeprefix(f"{mine} ") for _labels, line in lines(host, f'{{service_name="chatty"}} |= "{mine}"')}
    assert found == {"kept trace", "warning"}
    filtered = 'otelcol_processor_filter_logs_filtered{filter="filter/log_sampling_chatty"}'
    assert counter(host, filtered) == 2


def test_beyond_loopback_only_senders_with_a_token_get_in(host, undone):
    wide = {"otelcol_otlp_http_listen_address": "0.0.0.0:4318"}
    before = process(host, "otelcol")
    run = converge(wide, arguments=TAGS)
    assert run.code != 0 and "anyone who reaches it could send" in run.errors
    assert process(host, "otelcol") == before
    run = converge({**wide, "otelcol_tokens": [TOKEN]}, arguments=(*TAGS, "--diff", "-vvv"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    address = host.check_output("hostname -I").split()[0]
    trace = spans.Trace("guarded")
    base = f"http://{address}:4318"
    assert spans.send(host, base, [trace]).status == 401
    assert spans.send(host, base, [trace], "-H", f"Authorization: Bearer {TOKEN[::-1]}").status == 401
    assert spans.send(host, base, [trace], "-H", f"Authorization: Bearer {TOKEN}").status == 200
    assert host.check_output("stat -c '%a %U:%G' /etc/otelcol/secrets/tokens") == "640 root:otelcol"
    assert TOKEN not in host.check_output("cat /opt/obs/otelcol/current/run.env /etc/otelcol/config.yml")
    assert TOKEN not in host.check_output("journalctl --no-pager -u otelcol")


def test_check_mode_tells_and_does_not_touch(host):
    before = process(host, "otelcol")
    run = converge({"otelcol_trace_percentage": 10}, arguments=(*TAGS, "--check", "--diff"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert "tail_sampling" in run.output
    assert process(host, "otelcol") == before


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"otelcol_config": {"processors": {"sampler": {}}}}, 'unknown type: "sampler"'),
        ({"otelcol_config": {"exporters": {"otlp_http/traces": {"endpiont": "x"}}}}, "endpiont"),
        ({"otelcol_trace_percentage": 101}, "otelcol_trace_percentage"),
        ({"otelcol_tokens": ["short"]}, "shorter than 16"),
        ({"otelcol_users": {"anna": "clear"}}, "no bcrypt hash"),
        ({"otelcol_logs_endpoint": {"url": "loki:3100"}}, "endpoint 'logs'"),
    ],
)
def test_bad_input_is_refused_before_anything_changes(host, variables, named):
    before = process(host, "otelcol")
    run = converge(variables, arguments=TAGS)
    assert run.code != 0 and run.changed == 0
    assert named in run.errors
    assert process(host, "otelcol") == before
