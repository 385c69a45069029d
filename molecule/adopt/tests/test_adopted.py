"""After the adoption: our service, their data, account and traces."""

from __future__ import annotations

from typing import Any

from lab import converge, get, process, query, wait_for

API = "http://127.0.0.1:9090"


def executable(host: Any, unit: str) -> str:
    return host.check_output(f"readlink /proc/{process(host, unit).pid}/exe")


def test_our_release_runs(host):
    assert executable(host, "prometheus") == host.check_output(
        "readlink -f /opt/obs/prometheus/current/release/bin/prometheus"
    )
    assert get(host, f"{API}/api/v1/status/buildinfo").json["data"]["version"] == "3.13.5"
    assert host.service("prometheus").is_enabled
    assert "Managed by obs.stack" in host.file("/etc/systemd/system/prometheus.service").content_string


def test_the_data_is_theirs_and_goes_on(host):
    at = host.check_output("cat /var/tmp/canary.time")
    url = f"{API}/api/v1/query?query=adopt_canary&time={at}"
    rows = wait_for("yesterday's block", lambda: get(host, url).json["data"]["result"])
    assert rows[0]["value"][1] == "59"
    # Scraped by the old process, and only in the write-ahead log when it was stopped.
    assert query(host, 'count_over_time(up{installed_by="others"}[1h]) > 5', API)
    assert query(host, "count_over_time(others:up[1h])", API)
    assert wait_for("new samples", lambda: query(host, 'up{job="prometheus", installed_by=""} == 1', API))


def test_account_and_data_keep_their_uid(host):
    assert host.check_output("id -u prometheus") == "442"
    assert host.file("/var/lib/prometheus").uid == 442
    strangers = host.check_output("find /var/lib/prometheus -not -uid 442 -not -path '*/node-exporter*'")
    assert strangers == ""
    owner = host.check_output(f"stat -c %u /proc/{process(host, 'prometheus').pid}")
    assert owner == "442"


def test_old_configuration_is_moved_aside(host):
    assert host.check_output("readlink /etc/prometheus") == "/opt/obs/prometheus/current/etc"
    aside = host.file("/etc/prometheus.before-obs/prometheus.yml")
    assert "installed_by: others" in aside.content_string
    assert (aside.group, aside.mode) == ("prometheus", 0o640)
    assert "Ansible managed" in host.file("/etc/systemd/system/prometheus.service.before-obs").content_string


def test_debians_exporter_gave_way(host):
    assert executable(host, "node_exporter").startswith("/opt/obs/node_exporter/releases/1.12.1-")
    assert not host.service("prometheus-node-exporter").is_running
    assert not host.service("prometheus-node-exporter").is_enabled
    assert get(host, "http://127.0.0.1:9100/metrics").status == 200
    assert wait_for("a scrape of it", lambda: query(host, 'up{job="node_exporter"} == 1', API))


def test_second_run_without_adopt_changes_nothing(host):
    before = process(host, "prometheus"), process(host, "node_exporter")
    run = converge({"obs_adopt": False})
    assert run.code == 0, run.errors or run.output
    assert run.changed == 0
    assert (process(host, "prometheus"), process(host, "node_exporter")) == before


def test_reboot_of_the_units_is_ours(host):
    """What systemd would start at boot: ours, and nothing of theirs on the same port."""
    wanted = host.check_output(
        "systemctl list-unit-files --state=enabled --no-legend 'prometheus*' 'node_exporter*' | awk '{print $1}'"
    )
    assert sorted(wanted.split()) == ["node_exporter.service", "prometheus.service"]
