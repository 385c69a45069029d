"""What is asked from outside and what batch jobs push, behind TLS and a password, on another host than Prometheus."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import testinfra
from cryptography import x509
from lab import INVENTORY, STORE, Answer, converge, get, process, query, wait_for

testinfra_hosts = ["tls-1"]

TLS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "tls")
CA = ("--cacert", "/etc/prometheus/tls/ca.pem")
USER = ("-u", "metrics:canary-4711")
PUSHGATEWAY = "https://tls-2:9091"
BATCH = "/metrics/job/lab-backup/database/orders"
PROBED = {
    ("lab-web", "http_2xx", "http://tls-1:8080/"),
    ("lab-guarded", "guarded", "https://tls-1:9090/-/ready"),
    ("lab-certificate", "tcp_tls", "tls-1:9093"),
    ("lab-port", "tcp_connect", "tls-1:9100"),
    ("lab-name", "dns_udp", "127.0.0.11:53"),
    ("lab-name", "dns_tcp", "127.0.0.11:53"),
    ("lab-ping", "icmp", "tls-1"),
}


def prober() -> Any:
    """The host with blackbox_exporter and Pushgateway."""
    return testinfra.get_host("ansible://tls-2", ansible_inventory=str(INVENTORY))


def ask(host: Any, promql: str) -> list[dict[str, Any]]:
    """An instant query."""
    return query(host, promql, "https://tls-1:9090", *CA, *USER)


def probes(host: Any) -> dict[tuple[str, str, str], str]:
    """Probes by name, module and target, and whether they succeed."""
    rows = ask(host, "probe_success")
    return {tuple(row["metric"][name] for name in ("job", "module", "instance")): row["value"][1] for row in rows}


@pytest.fixture(scope="module", autouse=True)
def web(request: pytest.FixtureRequest) -> Any:
    """A web server that is asked. Afterwards nothing of ours is left."""
    host = testinfra.get_host("ansible://tls-1", ansible_inventory=str(INVENTORY))
    host.check_output("systemd-run --unit lab-web --collect python3 -m http.server 8080 --directory /usr/share/doc")
    yield host
    host.run("systemctl stop lab-web")
    assert get(host, PUSHGATEWAY + BATCH, *CA, *USER, "-X", "DELETE").status == 202


def test_every_kind_of_probe_succeeds_on_something_real(host):
    wait_for("success of all probes", lambda: probes(host) == dict.fromkeys(PROBED, "1") or None, seconds=45)
    (row,) = ask(host, 'probe_success{job="lab-web"}')
    del row["metric"]["__name__"]
    assert row["metric"] == {
        "job": "lab-web",
        "instance": "http://tls-1:8080/",
        "module": "http_2xx",
        "site": "default",
        "team": "lab",
    }


def test_pings_take_one_capability_and_no_other(host):
    status = prober().check_output(f"cat /proc/{process(prober(), 'blackbox_exporter').pid}/status")
    held = {line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "CapBnd", "CapAmb"))}
    assert held == {f"{1 << 13:016x}"}, "CAP_NET_RAW"


def test_the_end_of_a_certificate_is_measured_and_told(host):
    # Of the chain that was verified, up to the CA, the first end counts.
    chain = [x509.load_pem_x509_certificate((TLS / f"{name}.crt").read_bytes()) for name in ("tls-1", "ca")]
    expected = min(certificate.not_valid_after_utc.timestamp() for certificate in chain)
    rows = ask(host, "probe_ssl_last_chain_expiry_timestamp_seconds")
    assert {row["metric"]["job"]: float(row["value"][1]) for row in rows} == {
        "lab-guarded": expected,
        "lab-certificate": expected,
    }
    # It is made for a day: both alerts wait for their time to pass.
    for alert in ("CertificateExpires", "CertificateExpiresSoon"):
        waiting = f'ALERTS{{alertname="{alert}",job="lab-certificate",alertstate="pending"}}'
        wait_for(f"{alert} on its way", lambda promql=waiting: ask(host, promql), seconds=45)


def test_a_server_that_is_gone_is_seen(host, web):
    web.check_output("systemctl stop lab-web")
    wait_for("failed probe", lambda: ask(host, 'probe_success{job="lab-web"} == 0'), seconds=20)
    assert ask(host, 'up{job="lab-web"} == 1'), "who asks is well"
    assert [value for (name, *_rest), value in probes(host).items() if name != "lab-web"] == ["1"] * 6


def test_a_change_of_modules_is_a_reload_and_a_wrong_one_is_refused(host):
    there = prober()
    before = process(there, "blackbox_exporter")
    run = converge({"blackbox_exporter_dns_query_type": "NONSENSE"}, arguments=("--tags", "blackbox_exporter"))
    assert run.code != 0
    assert "query type 'NONSENSE' is not valid" in run.errors, run.errors
    run = converge({"blackbox_exporter_dns_query_type": "AAAA"}, arguments=("--tags", "blackbox_exporter"))
    assert run.code == 0, run.errors or run.output
    (result,) = run.results("blackbox_exporter")
    assert (result["reloaded"], result["restarted"]) == (True, False)
    # Docker's name server knows the name, but no such record of it: that is no answer.
    wait_for("probe without a record", lambda: len(ask(host, 'probe_success{job="lab-name"} == 0')) == 2, seconds=20)
    run = converge(arguments=("--tags", "blackbox_exporter"))
    assert run.code == 0, run.errors or run.output
    wait_for("record", lambda: len(ask(host, 'probe_success{job="lab-name"} == 1')) == 2, seconds=20)
    assert process(there, "blackbox_exporter") == before


def push(host: Any, *options: str) -> Answer:
    """Push a group from the other host, as a batch job does."""
    body = "lab_rows 7\npush_max_age_seconds 90000\n"
    return get(host, PUSHGATEWAY + BATCH, *CA, "--data-binary", body, *options)


def pushed(host: Any) -> dict[str, str]:
    """What Pushgateway has of the group, with the time of its push."""
    lines = get(host, f"{PUSHGATEWAY}/metrics", *CA, *USER).body.splitlines()
    of_group = [line for line in lines if 'job="lab-backup"' in line]
    return {line.partition("{")[0]: line.rpartition(" ")[2] for line in of_group}


def test_nobody_pushes_or_deletes_without_the_password(host):
    assert push(host).status == 401
    assert push(host, "-u", "metrics:wrong").status == 401
    assert get(host, PUSHGATEWAY + BATCH, *CA, "-X", "DELETE").status == 401
    assert get(host, f"{PUSHGATEWAY}/api/v1/admin/wipe", *CA, *USER, "-X", "PUT").status == 404
    assert get(host, f"{PUSHGATEWAY}/-/quit", *CA, *USER, "-X", "PUT").status == 403
    assert pushed(host) == {}


def test_what_is_pushed_keeps_its_own_labels(host):
    assert push(host, *USER).status == 200
    (row,) = wait_for("pushed sample", lambda: ask(host, "lab_rows"), seconds=45)
    assert row["value"][1] == "7"
    assert row["metric"] == {
        "__name__": "lab_rows",
        "job": "lab-backup",
        "database": "orders",
        "host": "tls-2",
        "site": "default",
    }


def test_what_was_pushed_outlives_a_restart(host):
    before = pushed(host)
    assert before["lab_rows"] == "7" and float(before["push_time_seconds"]) > 0
    there = prober()
    first = process(there, "pushgateway")
    there.check_output("systemctl restart pushgateway")
    wait_for("Pushgateway", lambda: get(host, f"{PUSHGATEWAY}/-/ready", *CA, *USER).status == 200, seconds=20)
    assert process(there, "pushgateway").pid != first.pid
    assert pushed(host) == before


def test_what_was_pushed_outlives_another_release(host, lab, tmp_path):
    before = pushed(host)
    assert before["lab_rows"] == "7"
    known = lab["obs_lab_components"]["pushgateway"]["version"]
    # The same program as a release of another name: its version has to be part of what the program says of itself.
    other = known.rpartition(".")[0]
    folder = Path("github.com/prometheus/pushgateway/releases/download")
    (tmp_path / folder / f"v{other}").mkdir(parents=True)
    archive = tmp_path / folder / f"v{other}" / f"pushgateway-{other}.linux-amd64.tar.gz"
    shutil.copy(STORE / "mirror" / folder / f"v{known}" / f"pushgateway-{known}.linux-amd64.tar.gz", archive)
    sums = (STORE / "mirror" / folder / f"v{known}" / "sha256sums.txt").read_text()
    archive.with_name("sha256sums.txt").write_text(sums.replace(known, other))
    wanted = {"pushgateway_version": other, "pushgateway_fetch": {"mirror": f"file://{tmp_path}"}}
    for variables, version in ((wanted, other), ({}, known)):
        run = converge(variables, arguments=("--tags", "pushgateway"))
        assert run.code == 0, run.errors or run.output
        (result,) = run.results("pushgateway")
        assert (result["restarted"], result["to"]["version"]) == (True, version), result
        assert pushed(host) == before


def test_without_credentials_it_may_not_listen_beyond_loopback(host):
    before = process(prober(), "pushgateway")
    open_to_all = {"pushgateway_web_config": {}, "pushgateway_basic_auth_username": ""}
    run = converge(open_to_all, arguments=("--tags", "pushgateway"))
    assert run.code != 0
    assert "pushgateway on tls-2 would take metrics from anybody who reaches" in run.errors, run.errors
    assert process(prober(), "pushgateway") == before


def test_a_module_that_nobody_has_is_refused(host):
    run = converge({"blackbox_exporter_icmp": False}, arguments=("--tags", "prometheus"))
    assert run.code != 0
    assert "has no module 'icmp', which the probe lab-ping names. Set blackbox_exporter_icmp" in run.errors, run.errors
