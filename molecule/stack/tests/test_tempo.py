"""Tempo: traces are taken, found and kept; its metrics of spans lead back to them; bad input stops before the host."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import spans
from lab import PROJECT, converge, exposure, get, process, query, wait_for

SEND = "http://127.0.0.1:4328"
TAGS = ("--tags", "tempo")


@pytest.fixture
def undone():
    """Brings the host back to the scenario's own wish, whatever the test did."""
    yield
    run = converge(arguments=TAGS)
    assert run.code == 0, run.errors or run.output


def refused(host, variables: dict) -> str:
    """Converge with variables that must be refused; what was said. The process must be as before."""
    before = process(host, "tempo")
    run = converge(variables, arguments=TAGS)
    assert run.code != 0 and run.changed == 0
    assert process(host, "tempo") == before
    return run.errors


def test_a_trace_is_found_by_its_id_at_once(host):
    trace = spans.Trace("by-id")
    assert spans.send(host, SEND, [trace]).status == 200
    wait_for("the trace", lambda: spans.found(host, trace.trace_id), 10)
    assert spans.found(host, trace.trace_id) == ["GET /users/{user_id}", "db_query"]
    assert "db_query" in get(host, f"http://127.0.0.1:3200/api/v2/traces/{trace.trace_id}").body
    assert get(host, "http://127.0.0.1:3200/api/traces/" + "0123456789abcdef" * 2).status == 404


def test_search_knows_service_duration_and_status(host):
    slow, failed = spans.Trace("searched", seconds=2, ago=10), spans.Trace("searched", error=True, ago=10)
    assert spans.send(host, SEND, [slow, failed]).status == 200
    mine = '{ resource.service.name = "searched" }'
    wait_for("both traces", lambda: {slow.trace_id, failed.trace_id} <= set(spans.search(host, mine)), 40)
    late = spans.search(host, '{ resource.service.name = "searched" && duration > 1s }')
    assert slow.trace_id in late and failed.trace_id not in late
    broken = spans.search(host, '{ resource.service.name = "searched" && status = error }')
    assert failed.trace_id in broken and slow.trace_id not in broken


def test_metrics_of_spans_arrive_with_exemplars_that_name_a_trace(host):
    service = f"measured-{secrets.token_hex(4)}"
    trace = spans.Trace(service)
    assert spans.send(host, SEND, [trace]).status == 200
    wait_for("span metrics", lambda: query(host, f'traces_spanmetrics_calls_total{{service="{service}"}}'), 60)
    # A request from outside has no other side: it counts once nobody waits for that any more.
    wait_for("the edge", lambda: query(host, f'traces_service_graph_request_total{{server="{service}"}}'), 60)

    def exemplars():
        url = "http://127.0.0.1:9090/api/v1/query_exemplars"
        name = f'query=traces_spanmetrics_latency_bucket{{service="{service}"}}'
        times = host.check_output("date +'start=%s' -d '-10 minutes'; date +'end=%s' -d '+1 minute'").split()
        options = [part for item in (name, *times) for part in ("--data-urlencode", item)]
        found = get(host, url, "-G", *options).json["data"]
        return {item["labels"].get("trace_id") for series in found for item in series["exemplars"]}

    assert wait_for("an exemplar", exemplars, 60) == {trace.trace_id}


def test_it_is_sealed_and_talks_to_itself_on_loopback(host):
    assert exposure(host, "tempo") <= 3.0
    listening = host.check_output("ss -Hltn")
    assert "127.0.0.1:4327" in listening and "127.0.0.1:4328" in listening and "127.0.0.1:9097" in listening


def test_second_run_changes_nothing(host):
    before = process(host, "tempo")
    run = converge(arguments=TAGS)
    assert run.code == 0 and run.changed == 0, run.errors or run.output
    assert process(host, "tempo") == before


def test_check_mode_tells_retention_in_both_places(host):
    before = process(host, "tempo")
    run = converge({"tempo_retention": "7d"}, arguments=(*TAGS, "--check", "--diff"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert run.output.count("block_retention: 168h") >= 2
    assert process(host, "tempo") == before


def test_a_change_restarts_it_and_loses_no_trace_though_it_was_just_asked(host, undone):
    trace = spans.Trace("restarted")
    assert spans.send(host, SEND, [trace]).status == 200
    wait_for("the trace", lambda: spans.found(host, trace.trace_id), 10)
    before = process(host, "tempo")
    run = converge({"tempo_retention": "7d", "tempo_stop_timeout": 6}, arguments=TAGS)
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    after = process(host, "tempo")
    assert after.pid != before.pid and after.restarts == before.restarts
    wait_for("the trace after the restart", lambda: spans.found(host, trace.trace_id), 10)


def test_unknown_key_is_refused_in_its_own_words(host):
    said = refused(host, {"tempo_config": {"distributor": {"recievers": {}}}})
    assert "field recievers not found in type" in said


def test_key_of_2_is_refused_with_what_took_its_place(host):
    said = refused(host, {"tempo_config": {"compactor": {"compaction": {"block_retention": "1h"}}}})
    assert "'compactor'" in said and "tempo_retention" in said


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"tempo_instances": 2}, "2 Tempo on one storage"),
        ({"tempo_version": "2.10.8"}, "3.0 and newer"),
        ({"tempo_otlp_grpc_listen_address": "0.0.0.0:4327", "tempo_tls": {}}, "anyone who reaches it"),
        ({"tempo_s3": {"bucket": "b"}}, "no endpoint"),
        ({"tempo_config": {"query_frontend": {"mcp_server": {"enabled": True}}}}, "MCPServer"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(host, variables, named):
    said = refused(host, variables)
    assert named in said


@pytest.fixture
def certificates(tmp_path):
    """A CA and certificates of the host and of a sender, as tempo_tls takes them."""

    def make(name: str) -> dict[str, str]:
        script = PROJECT / "molecule" / "tls" / "certificates.py"
        subprocess.run([sys.executable, script, tmp_path, name, "sender"], check=True, capture_output=True)
        return {
            "certificate": str(tmp_path / f"{name}.crt"),
            "private_key": str(tmp_path / f"{name}.key"),
            "ca": str(tmp_path / "ca.crt"),
            "client_ca": str(tmp_path / "ca.crt"),
            "client_certificate": str(tmp_path / "sender.crt"),
            "client_private_key": str(tmp_path / "sender.key"),
        }

    return make


def test_beyond_loopback_only_senders_with_a_certificate_get_in(host, undone, certificates):
    name = host.check_output("hostname")
    wanted = {
        "tempo_tls": certificates(name),
        "tempo_tls_server_name": name,
        "tempo_listen_address": "0.0.0.0:3200",
        "tempo_otlp_http_listen_address": "0.0.0.0:4328",
        "tempo_stop_timeout": 6,
    }
    run = converge(wanted, arguments=(*TAGS, "--diff", "-vvv"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert Path(wanted["tempo_tls"]["private_key"]).read_text().splitlines()[1] not in run.output
    assert host.check_output("stat -c '%a %U:%G' /etc/tempo/tls/server.key") == "640 root:tempo"
    # The host keeps the sender's pair for the probe only; here it is the sender.
    pair = (
        "--cacert",
        "/etc/tempo/tls/ca.pem",
        "--cert",
        "/etc/tempo/tls/client.crt",
        "--key",
        "/etc/tempo/tls/client.key",
    )
    address = host.check_output("hostname -I").split()[0]
    known = ("--resolve", f"{name}:4328:{address}", "--resolve", f"{name}:3200:{address}")
    trace = spans.Trace("sealed")
    assert spans.send(host, f"https://{name}:4328", [trace], *known, *pair[:2]).status == 0
    assert spans.send(host, f"https://{name}:4328", [trace], *known, *pair).status == 200
    assert spans.found(host, trace.trace_id, f"https://{name}:3200", *known, *pair[:2])
    assert get(host, "http://127.0.0.1:3200/ready").status in (0, 400)
    # What is to scrape it has a certificate to show, then.
    wanted["prometheus_tls"] = {key: wanted["tempo_tls"][key] for key in ("certificate", "private_key")}
    run = converge({**wanted, "tempo_api_client_auth": True}, arguments=TAGS)
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert not spans.found(host, trace.trace_id, f"https://{name}:3200", *known, *pair[:2])
    assert spans.found(host, trace.trace_id, f"https://{name}:3200", *known, *pair)
    run = converge({**wanted, "tempo_api_client_auth": True}, arguments=TAGS)
    assert run.code == 0 and run.changed == 0, run.errors or run.output
