"""What is known to be wrong is refused before anything changes: same process, no restart, no reload, same files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lab
import pytest
from states import NEW, OLD, State, assert_converges, observed

CANARY = "canary-Hx7qT2mZ"


def reloads(host: Any) -> float:
    """When Prometheus last loaded its configuration."""
    return float(lab.query(host, "prometheus_config_last_reload_success_timestamp_seconds")[0]["value"][1])


def tree(host: Any) -> str:
    """Everything of the service on disk that a refused change must not touch."""
    command = "find /opt/obs /etc/obs /etc/prometheus /etc/systemd/system -printf '%p %y %l %m %u %s %T@\\n' | sort"
    return str(
        host.check_output(command + " | grep -v -e .lock -e '^/opt/obs/prometheus/releases d' -e 'generations d'")
    )


@contextmanager
def untouched(host: Any, state: State) -> Iterator[None]:
    """Nothing of the service may have changed within: neither process nor files."""
    process, files = lab.process(host, "prometheus"), tree(host)
    loaded = host.check_output("curl -s 127.0.0.1:9090/metrics | grep ^prometheus_config_last_reload_success_timestamp")
    yield
    assert lab.process(host, "prometheus") == process
    assert observed(host) == state
    now = host.check_output("curl -s 127.0.0.1:9090/metrics | grep ^prometheus_config_last_reload_success_timestamp")
    assert now == loaded, "it was reloaded"
    kept = [line for line in tree(host).splitlines() if line not in files.splitlines()]
    assert not [line for line in kept if " d " not in line], kept


def scrape(name: str, **keys: Any) -> dict[str, Any]:
    """A scrape job as the role's variable."""
    return {"prometheus_scrape_configs": [{"job_name": name, **keys}]}


REFUSED = {
    "a config the checker rejects": (
        scrape("bad", scrape_interval="five"),
        ("check", "promtool check config", "five", "3.13.4 (generation"),
    ),
    "a config that quotes a secret": (
        scrape("bad", basic_auth={"username": "u", "password": CANARY, "password_file": "/x"}),
        ("check", "at most one of basic_auth password"),
    ),
    "an archive with the wrong checksum": ({"prometheus_version": "3.13.94"}, ("3.13.94", "SHA-256")),
    "a truncated archive": ({"prometheus_version": "3.13.95"}, ("3.13.95",)),
    "an archive for another machine": ({"prometheus_version": "3.13.93"}, ("3.13.93", "arm64", "amd64")),
    "a version that does not exist": ({"prometheus_version": "3.13.77"}, ("3.13.77", "obs_mirror")),
    "a version that is none": ({"prometheus_version": "latest"}, ("latest", "prometheus_version")),
    "an unreachable mirror": (
        {"prometheus_version": "3.13.78", "prometheus_fetch": {"mirror": "http://127.0.0.1:9", "timeout": 2}},
        ("127.0.0.1:9", "obs_mirror"),
    ),
    "a missing checksum": (
        {"prometheus_version": "3.13.79", "prometheus_release_checksums_url": ""},
        ("no sha256 is known", "prometheus_release_sha256"),
    ),
    "a sha256 that is none": (
        {"prometheus_release_sha256": {"amd64": "abc"}},
        ("abc", "prometheus_release_sha256"),
    ),
    "an unknown option of the role": ({"prometheus_fetch": {"miror": "x"}}, ("miror",)),
    "a rule file that is no YAML": (
        {"prometheus_rules": [{"src": "RULES", "kind": "alerts"}]},
        ("line 3", "prometheus_rules"),
    ),
    "rules that are missing": (
        {"prometheus_rules": [{"src": "/nowhere/x.yml", "kind": "alerts"}]},
        ("/nowhere/x.yml", "prometheus_rules"),
    ),
    "discovery in EC2 without a region": (
        {"prometheus_ec2_sd": [{"job_name": "ec2", "port": 9100}]},
        ("region",),
    ),
    "an environment that cannot be": ({"prometheus_environment": {"A-B": "x"}}, ("A-B",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_is_refused_before_anything_changes(host: Any, old: State, tmp_path: Any, case: str) -> None:
    variables, words = REFUSED[case]
    rules = tmp_path / "broken.yml"
    rules.write_text("groups:\n  - name: [\n")
    variables = {**OLD.variables, **variables}
    for item in variables.get("prometheus_rules", []):
        item["src"] = item["src"].replace("RULES", str(rules))
    with untouched(host, old):
        run = lab.converge(variables)
    assert run.code != 0
    for word in words:
        assert word in run.errors, run.errors
    assert len([line for line in run.errors.splitlines() if line]) <= 3, run.errors
    assert CANARY not in run.output.replace('"password": "' + CANARY, "")


def test_the_next_good_run_converges(host: Any) -> None:
    assert_converges(host, NEW)


def test_port_taken_by_another_process(host: Any, old: State) -> None:
    host.run_test("systemctl stop prometheus")
    host.run_test("systemd-run --unit=squatter python3 -m http.server 9090 --bind 127.0.0.1")
    lab.wait_for("squatter", lambda: host.socket("tcp://127.0.0.1:9090").is_listening)
    try:
        run = lab.converge(OLD.variables)
        assert run.code != 0
        assert "port 9090" in run.errors and "python3" in run.errors, run.errors
        assert host.service("squatter").is_running
    finally:
        host.run_test("systemctl stop squatter")
    assert_converges(host, OLD)


def test_disk_full_while_staging(host: Any, old: State) -> None:
    """The releases stand on a file system that has no room for a second one."""
    releases = "/opt/obs/prometheus/releases"
    size = int(host.check_output(f"du -sk {releases} | cut -f1"))
    host.check_output(f"cp -a {releases} /opt/obs/copy && mount -t tmpfs -o size={size + 20000}k full {releases}")
    host.check_output(f"cp -a /opt/obs/copy/. {releases}/ && find {releases} -name '3.13.5-*' -exec rm -r {{}} +")
    try:
        process = lab.process(host, "prometheus")
        room = int(host.check_output(f"df --output=avail -B1 {releases} | tail -1"))
        host.check_output(f"fallocate -l {room - 20_000_000} {releases}/filler")
        run = lab.converge(NEW.variables)
        assert run.code != 0
        assert "disk is full" in run.errors.lower() or "no space left" in run.errors.lower(), run.errors
        assert lab.process(host, "prometheus") == process and observed(host) == OLD
        assert "staging" not in host.check_output(f"ls -a {releases}")
    finally:
        host.check_output(f"umount -l {releases}; rm -rf /opt/obs/copy")
    assert_converges(host, NEW)


def test_masked_unit_is_refused(host: Any, old: State) -> None:
    host.check_output("mv /etc/systemd/system/prometheus.service /root/unit && systemctl mask --now prometheus")
    try:
        run = lab.converge(OLD.variables)
        assert run.code != 0 and "masked" in run.errors and "systemctl unmask prometheus" in run.errors, run.errors
    finally:
        host.check_output("systemctl unmask prometheus; mv /root/unit /etc/systemd/system/prometheus.service")
        host.check_output("systemctl daemon-reload")
    assert_converges(host, OLD)


def test_drop_ins_are_reported_and_left_alone(host: Any, old: State) -> None:
    drop_in = "/etc/systemd/system/prometheus.service.d/nice.conf"
    host.check_output(
        f"mkdir -p $(dirname {drop_in}) && printf '[Service]\\nNice=5\\n' > {drop_in} && systemctl daemon-reload"
    )
    try:
        run = lab.converge(OLD.variables)
        assert run.code == 0 and run.changed == 0, run.results("prometheus")
        assert drop_in in str(run.results("prometheus")[0]["warnings"])
        assert host.file(drop_in).exists
    finally:
        host.check_output(f"rm -r $(dirname {drop_in}); systemctl daemon-reload")


def test_vanished_data_is_never_begun_anew(host: Any, old: State) -> None:
    host.check_output("mv /var/lib/prometheus /var/lib/prometheus.away")
    try:
        run = lab.converge(NEW.variables)
        assert run.code != 0 and "/var/lib/prometheus" in run.errors and "begin empty" in run.errors, run.errors
        assert not host.file("/var/lib/prometheus").exists
    finally:
        host.check_output("mv /var/lib/prometheus.away /var/lib/prometheus")
    assert_converges(host, OLD)


def test_data_of_another_account_is_refused(host: Any, old: State) -> None:
    host.check_output("mkdir -p /srv/foreign && chown 12345 /srv/foreign && touch /srv/foreign/keep")
    with untouched(host, old):
        run = lab.converge({**OLD.variables, "prometheus_data_dir": "/srv/foreign"})
    assert run.code != 0 and "12345" in run.errors and "/srv/foreign" in run.errors, run.errors
    assert host.file("/srv/foreign").uid == 12345


def test_failing_daemon_reload(host: Any, old: State) -> None:
    host.check_output("cp -a /usr/bin/systemctl /usr/bin/systemctl.real")
    script = (
        "#!/bin/sh\n"
        'case "$*" in *daemon-reload*) echo "Failed to reload daemon: canary" >&2; exit 1;; esac\n'
        'exec /usr/bin/systemctl.real "$@"\n'
    )
    host.check_output(f"cat > /usr/bin/systemctl.new <<'EOF'\n{script}EOF\nchmod 755 /usr/bin/systemctl.new")
    host.check_output("mv /usr/bin/systemctl.new /usr/bin/systemctl")
    try:
        process = lab.process(host, "prometheus")
        run = lab.converge(NEW.variables)
        assert run.code != 0
        for word in ("Failed to reload daemon: canary", "3.13.4", "3.13.5", "still runs"):
            assert word in run.errors, run.errors
        assert lab.process(host, "prometheus") == process and observed(host) == OLD
    finally:
        host.check_output("mv /usr/bin/systemctl.real /usr/bin/systemctl")
    assert_converges(host, NEW)


def test_lock_of_another_run(host: Any, old: State) -> None:
    host.check_output("systemd-run --unit=holder flock /opt/obs/prometheus/.lock sleep 60")
    lab.wait_for("holder", lambda: host.run("flock -n /opt/obs/prometheus/.lock true").rc != 0)
    try:
        with untouched(host, old):
            run = lab.converge({**NEW.variables, "prometheus_lock_timeout": 1})
        assert run.code != 0 and "another run" in run.errors and ".lock" in run.errors, run.errors
    finally:
        host.run_test("systemctl stop holder")
    assert_converges(host, OLD)
