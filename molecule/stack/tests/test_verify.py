"""verify.yml finds what is wrong with each service and who may write without credentials; signals go there and back."""

from __future__ import annotations

import json

import pytest
from lab import INVENTORY, PROJECT, Run, converge, get, wait_for

PLAYBOOKS = PROJECT / "playbooks"
VERIFY, SMOKE, DEPENDENCIES = (PLAYBOOKS / f"{name}.yml" for name in ("verify", "smoke_test", "check_dependencies"))
SERVICES = {
    "prometheus",
    "alertmanager",
    "node_exporter",
    "thanos-sidecar",
    "thanos-store",
    "thanos-compact",
    "thanos-query",
    "loki",
    "tempo",
    "otelcol",
    "otelcol-agent",
    "exporter",
    "grafana",
    "demo",
}
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
FOLDER = "/run/lab-verify"
TLS = f"{{cert_file: {FOLDER}/server.crt, key_file: {FOLDER}/server.key, client_ca_file: {FOLDER}/server.crt}}"
# A collector of the test, on every address of the host: as the gateway would be, had somebody opened it.
COLLECTOR = """
extensions:
  bearertokenauth: {token: lab-verify-token}
receivers:
  otlp/open: {protocols: {grpc: {endpoint: "0.0.0.0:5317"}, http: {endpoint: "0.0.0.0:5318"}}}
  otlp/token:
    protocols:
      grpc: {endpoint: "0.0.0.0:5327", auth: {authenticator: bearertokenauth}}
      http: {endpoint: "0.0.0.0:5328", auth: {authenticator: bearertokenauth}}
  otlp/certificate:
    protocols:
      grpc: {endpoint: "0.0.0.0:5337", tls: TLS}
      http: {endpoint: "0.0.0.0:5338", tls: TLS}
exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
  extensions: [bearertokenauth]
  pipelines: {traces: {receivers: [otlp/open, otlp/token, otlp/certificate], exporters: [debug]}}
""".replace("TLS", TLS)


def table(run: Run) -> dict[tuple[str, str], tuple[str, str]]:
    """Service and check to state and detail, of verify's table."""
    lines = next(result["msg"] for task, _host, result in run.tasks if task == "Show the table")[1:]
    cells = [line.split(maxsplit=4) for line in lines]
    return {(cell[1], cell[2]): (cell[3], cell[4] if len(cell) > 4 else "") for cell in cells}


def verify(**variables: object) -> dict[tuple[str, str], tuple[str, str]]:
    return table(converge({"wait": 0, **variables}, playbook=VERIFY))


def asked(component: str, port: int, expected: dict) -> list[dict]:
    """What health_check finds of one service, expected by hand."""
    arguments = {"component": component, "port": port, "expected": expected, "fail": False}
    task = {"name": "Ask", "obs.stack.health_check": arguments}
    play = [{"name": "Ask", "hosts": "all", "become": True, "gather_facts": False, "tasks": [task]}]
    path = INVENTORY.parent / "lab-verify.yml"
    path.write_text(json.dumps(play))
    try:
        run = converge(playbook=path)
    finally:
        path.unlink()
    assert run.code == 0, run.errors or run.output
    return run.tasks[-1][2]["findings"]


COUNTED = {"limits", "exports", "intake", "storage"}


def test_a_whole_estate_is_healthy():
    run = converge({"wait": 60}, playbook=VERIFY)
    assert run.code == 0 and run.changed == 0, run.errors or run.output
    found = table(run)
    assert {service for service, _check in found} == SERVICES
    # Counters since the start may tell what other tests did; recovered() holds that they, too, end.
    told = {key: detail for key, (state, detail) in found.items() if state != "ok"}
    assert not wrong(found) and {check for _service, check in told} <= COUNTED, told
    assert found["thanos-query", "endpoints"] == ("ok", "connected: 1 sidecar, 1 store")
    assert found["loki", "ring"] == ("ok", "1 of 1 active")


STOPPED = ("loki", "thanos-store", "otelcol", "grafana")


def wrong(found: dict[tuple[str, str], tuple[str, str]]) -> set[tuple[str, str]]:
    return {key for key, (state, _detail) in found.items() if state == "WRONG"}


def recovered():
    wait_for("everything to be well again", lambda: {state for state, _detail in verify().values()} == {"ok"}, 120)


def test_services_that_stopped_are_found_and_named(host):
    everything = {(unit, "answers") for unit in STOPPED} | {("thanos-query", "endpoints"), ("prometheus", "targets")}
    host.check_output(f"systemctl stop {' '.join(STOPPED)}")
    try:
        found = wait_for("everybody to notice", lambda: (f := verify()) and wrong(f) == everything and f, 90)
        for unit in STOPPED:
            assert "does not answer" in found[unit, "answers"][1]
        assert "store 127.0.0.1:10905" in found["thanos-query", "endpoints"][1] or "0 of 1 store" in str(found)
    finally:
        host.check_output(f"systemctl start {' '.join(STOPPED)}")
    recovered()


def test_a_sidecar_without_its_prometheus_is_told(host):
    host.check_output("systemctl stop prometheus")
    try:
        noticed = {("prometheus", "answers"), ("thanos-sidecar", "answers")}
        wait_for("the sidecar to notice", lambda: noticed <= wrong(verify()), 60)
    finally:
        host.check_output("systemctl start prometheus")
    recovered()


def test_a_ring_that_lacks_a_member_is_told():
    found = {item["check"]: item for item in asked("loki", 3100, {"members": 3})}
    assert not found["ring"]["healthy"] and found["ring"]["detail"].startswith("1 of 3 active")


def test_endpoints_that_are_missing_are_told():
    found = {item["check"]: item for item in asked("thanos-query", 10904, {"stores": {"sidecar": 2, "store": 1}})}
    assert found["endpoints"]["detail"] == "1 of 2 sidecar connected"


@pytest.fixture(scope="module")
def ways_in(host):
    """By name, the ways into a collector: open, with a token, with a client certificate; at the host's own address."""
    address = host.check_output("hostname -I").split()[0]
    binary = "/opt/obs/otelcol/current/release/bin/otelcol-contrib"
    certificate = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout {FOLDER}/server.key"
    host.check_output(f"mkdir -p {FOLDER} && {certificate} -out {FOLDER}/server.crt 2>/dev/null")
    host.run(f"cat > {FOLDER}/config.yaml <<'END'\n{COLLECTOR}\nEND")
    host.check_output(f"systemd-run --unit lab-verify --collect {binary} --config {FOLDER}/config.yaml")
    try:
        wait_for("the collector", lambda: get(host, f"http://{address}:5318/v1/traces").status == 405, 20)
        ports = {"open": 5317, "token": 5327, "certificate": 5337}
        yield {
            name: [
                {"what": f"{name} gRPC", "port": port, "method": "GRPC", "path": TRACES},
                {"what": f"{name} HTTP", "port": port + 1, "path": "/v1/traces"},
            ]
            for name, port in ports.items()
        }, address
    finally:
        host.run("systemctl stop lab-verify")
        host.check_output(f"rm -rf {FOLDER}")


def guarded(ways_in, name: str, scheme: str = "http") -> list[dict]:
    ways, address = ways_in
    items = [{**way, "address": address, "scheme": scheme} for way in ways[name]]
    return [item for item in asked("otelcol", 8889, {"guarded": items}) if item["check"] == "guarded"]


def test_a_way_in_that_takes_writes_from_anybody_is_found(ways_in):
    (found,) = guarded(ways_in, "open")
    assert not found["healthy"]
    assert "open gRPC at " in found["detail"] and "(gRPC status 0)" in found["detail"]
    assert "open HTTP at " in found["detail"] and "takes writes from anybody (HTTP 200)" in found["detail"]


def test_a_token_guards(ways_in):
    (found,) = guarded(ways_in, "token")
    assert found["healthy"] and not found["warning"]
    assert "token gRPC (UNAUTHENTICATED)" in found["detail"] and "token HTTP (HTTP 401)" in found["detail"]


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_client_certificate_guards(ways_in, scheme):
    found = guarded(ways_in, "certificate", scheme)
    told = "; ".join(item["detail"] for item in found)
    assert all(item["healthy"] for item in found), told
    assert "certificate HTTP (TLS handshake refused)" in told or "could not be tried" in told
    if scheme == "https":
        assert "certificate gRPC (TLS handshake refused)" in told and "could not be tried" not in told


def test_ways_in_follow_from_the_inventory(ways_in):
    # Only told to verify, as if the collector of the test were the gateway.
    _ways, address = ways_in

    def told(grpc: int) -> tuple[str, str]:
        listens = {
            "otelcol_otlp_grpc_listen_address": f"0.0.0.0:{grpc}",
            "otelcol_otlp_http_listen_address": f"0.0.0.0:{grpc + 1}",
        }
        found = verify(obs_address=address, **listens)
        assert {key[0] for key in found if key[1] == "guarded"} == {"otelcol"}, "all others listen on loopback"
        return found["otelcol", "guarded"]

    state, detail = told(5317)
    assert state == "WRONG" and f"OTLP over HTTP at {address}:5318 takes writes from anybody" in detail
    assert told(5327)[0] == "ok"


def test_nothing_is_written_by_trying(host):
    def stored() -> tuple[float, set[str]]:
        pushed = get(host, "http://127.0.0.1:3100/metrics").body
        alerts = get(host, "http://127.0.0.1:9093/api/v2/alerts").json
        series = 'loki_distributor_lines_received_total{format="loki"'
        lines = [line for line in pushed.splitlines() if line.startswith(series)]
        return sum(float(line.split()[-1]) for line in lines), {alert["fingerprint"] for alert in alerts}

    before = stored()
    ways = [
        {"what": "push", "address": "127.0.0.1", "port": 3100, "path": "/loki/api/v1/push"},
        {"what": "alerts", "address": "127.0.0.1", "port": 9093, "path": "/api/v2/alerts"},
        {"what": "write", "address": "127.0.0.1", "port": 9090, "path": "/api/v1/write"},
    ]
    (found,) = [item for item in asked("loki", 3100, {"guarded": ways}) if item["check"] == "guarded"]
    assert found["detail"].count("takes writes from anybody") == 3
    assert stored() == before


def test_a_sample_a_line_and_a_trace_go_there_and_back(host):
    run = converge(playbook=SMOKE)
    assert run.code == 0, run.errors or run.output
    steps = {
        (finding["check"], finding["target"]): finding["state"]
        for _task, _host, result in run.tasks
        for item in result.get("results", [])
        for finding in item.get("findings", [])
    }
    assert set(steps.values()) == {"ok"}
    assert {("sample", "thanos-query"), ("log", "loki"), ("trace", "tempo"), ("alert", "alertmanager")} <= set(steps)


def test_a_line_that_nobody_sends_is_told(host):
    host.check_output("systemctl stop otelcol-agent")
    try:
        run = converge({"wait": 3}, playbook=SMOKE)
    finally:
        host.check_output("systemctl start otelcol-agent")
    assert run.code != 0
    assert "log loki: Could not find the line of " in run.errors and "trace" not in run.errors


def test_a_bucket_out_of_reach_is_told_with_its_endpoint():
    storage = {"endpoint": "127.0.0.1:1", "insecure": True, "access_key": "k", "secret_key": "canary-bucket"}
    variables = {"obs_object_storage": {**storage, "buckets": {"loki": "x"}}, "only": "bucket,peer"}
    run = converge(variables, playbook=DEPENDENCIES)
    assert run.code != 0
    assert "bucket loki x: 127.0.0.1:1: refused: nothing listens there" in run.errors
    assert "peer" not in run.errors and "canary-bucket" not in run.output
