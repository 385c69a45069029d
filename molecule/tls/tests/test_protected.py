"""With TLS and a password on all services everything finds its way: probe, scrape, alerting, verification."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab import INVENTORY, PROJECT, SCENARIO, converge, get, process, query, wait_for

testinfra_hosts = ["tls-1"]

TLS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "tls")
PORTS = {"prometheus": 9090, "alertmanager": 9093, "node_exporter": 9100}
PASSWORD = "canary-4711"
USER = ("-u", f"metrics:{PASSWORD}")
VERIFY = PROJECT / "playbooks/verify.yml"


def trusted(service: str) -> tuple[str, ...]:
    """curl's arguments that trust the lab's CA, at the copy the service keeps of it."""
    return ("--cacert", f"/etc/{service}/tls/ca.pem")


def ask(host, service: str, path: str, *options: str):
    """GET a page of a service as others do: by name, over TLS."""
    return get(host, f"https://tls-1:{PORTS[service]}{path}", *trusted(service), *options)


def up(host) -> dict[tuple[str, str], str]:
    """The stack's own targets and whether they are up."""
    rows = query(host, 'up{job!~"lab-.+"}', "https://tls-1:9090", *trusted("prometheus"), *USER)
    return {(row["metric"]["job"], row["metric"]["instance"]): row["value"][1] for row in rows}


@pytest.mark.parametrize("service", sorted(PORTS))
def test_right_password_opens(host, service):
    assert ask(host, service, "/metrics", *USER).status == 200


@pytest.mark.parametrize("service", sorted(PORTS))
def test_wrong_and_no_password_are_refused(host, service):
    assert ask(host, service, "/metrics", "-u", "metrics:wrong").status == 401
    assert ask(host, service, "/metrics").status == 401


@pytest.mark.parametrize("service", sorted(PORTS))
def test_plain_http_and_a_foreign_ca_are_refused(host, service):
    assert get(host, f"http://tls-1:{PORTS[service]}/metrics", *USER).status in (0, 400)
    assert get(host, f"https://tls-1:{PORTS[service]}/metrics", *USER).status == 0


def test_every_target_is_scraped(host):
    expected = {(name, f"tls-1:{port}"): "1" for name, port in PORTS.items()}
    elsewhere = {"node_exporter": 9100, "blackbox_exporter": 9115, "pushgateway": 9091, "exporter": 9920}
    expected.update({(name, f"tls-2:{port}"): "1" for name, port in elsewhere.items()})
    wait_for("every target up", lambda: up(host) == expected or None, seconds=45)


def test_the_exporter_is_as_guarded_and_collects(host):
    page = "https://tls-2:9920/metrics"
    assert get(host, page, *trusted("prometheus"), *USER).status == 200
    assert get(host, page, *trusted("prometheus")).status == 401
    assert get(host, page, *USER).status == 0
    active = 'systemd_unit_active{unit="exporter.service",host="tls-2"}'
    rows = wait_for("its module", lambda: query(host, active, "https://tls-1:9090", *trusted("prometheus"), *USER), 45)
    assert rows[0]["value"][1] == "1"


def test_alerts_arrive(host):
    def watchdog() -> Any:
        answer = ask(host, "alertmanager", "/api/v2/alerts", *USER)
        return [alert for alert in answer.json if alert["labels"]["alertname"] == "Watchdog"]

    wait_for("Watchdog in Alertmanager", watchdog, seconds=75)


def test_verify_finds_its_way(host):
    run = converge(playbook=VERIFY)
    assert run.code == 0, run.errors or run.output
    (table,) = [result["msg"] for task, _host, result in run.tasks if task == "Show the table"]
    (guarded,) = [line for line in table if "pushgateway" in line and "guarded" in line]
    assert "refused without credentials: Pushgateway (HTTP 401)" in guarded


def test_verify_with_a_wrong_password_says_so(host):
    run = converge({"alertmanager_basic_auth_password": "wrong", "wait": 0}, playbook=VERIFY)
    assert run.code != 0
    assert "tls-1 alertmanager answers: HTTP 401" in run.errors, run.errors


def test_no_password_in_argv_environment_or_world_readable_file(host):
    for service in PORTS:
        pid = process(host, service).pid
        assert PASSWORD not in host.check_output(f"cat /proc/{pid}/cmdline /proc/{pid}/environ | tr '\\0' ' '")
    found = host.check_output(f"grep -rl {PASSWORD} /opt/obs /etc /var/log --include='*' -s || true").split()
    assert found, "the password must be in a file"
    modes = {path: host.file(path).mode & 0o007 for path in found}
    assert set(modes.values()) == {0}, modes


def test_output_of_a_run_holds_no_secret(host):
    key = (TLS / "tls-1.key").read_text().splitlines()[1]
    run = converge(arguments=("-vvv", "--diff"))
    assert run.code == 0, run.errors or run.output
    assert PASSWORD not in run.output
    assert key not in run.output


def certificate(host_name: str) -> str:
    """The certificate a host's node_exporter shows."""
    host = testinfra.get_host(f"ansible://{host_name}", ansible_inventory=str(INVENTORY))
    script = f"import ssl; print(ssl.get_server_certificate(('{host_name}', 9100)))"
    return host.check_output(f'python3 -c "{script}"').strip()


def test_renewed_certificate_is_taken_without_a_restart(host):
    before = {name: process(host, name) for name in PORTS}
    subprocess.run([sys.executable, SCENARIO / "certificates.py", TLS, "tls-1", "tls-2"], check=True)
    fresh = (TLS / "tls-1.crt").read_text().strip()
    assert certificate("tls-1") != fresh
    run = converge()
    assert run.code == 0, run.errors or run.output
    assert run.changed == 7
    assert certificate("tls-1") == fresh
    assert ssl.PEM_cert_to_DER_cert(fresh)
    assert {name: process(host, name) for name in PORTS} == before
    wait_for("every target up again", lambda: set(up(host).values()) == {"1"} or None, seconds=45)


def test_user_without_a_hash_is_refused_before_anything_changes(host):
    before = process(host, "node_exporter")
    run = converge({"node_exporter_basic_auth_username": "other"}, arguments=("--tags", "node_exporter"))
    assert run.code != 0
    assert "web listener of node_exporter" in run.output and "'other'" in run.output
    assert process(host, "node_exporter") == before
