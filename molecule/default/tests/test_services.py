"""The three services run, are sealed, and do their work."""

from __future__ import annotations

import pytest
from lab import exposure, get, query, wait_for

READY = {
    "prometheus": "http://127.0.0.1:9090/-/ready",
    "alertmanager": "http://127.0.0.1:9093/-/ready",
    "node_exporter": "http://127.0.0.1:9100/metrics",
}
SERVICES = sorted(READY)
MOST_EXPOSED = 3.0


@pytest.mark.parametrize("name", SERVICES)
def test_service_runs_and_comes_back_at_boot(host, name):
    service = host.service(name)
    assert service.is_running
    assert service.is_enabled


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_ready(host, name):
    assert get(host, READY[name]).status == 200


@pytest.mark.parametrize("name", SERVICES)
def test_version_running_is_the_version_asked_for(host, name, lab):
    # Waited for: a target that has just been restarted is there again with the next scrape.
    built = wait_for("build info", lambda: query(host, f'{name}_build_info{{job="{name}"}}'), seconds=45)
    assert [row["metric"]["version"] for row in built] == [lab["obs_lab_components"][name]["version"]]


@pytest.mark.parametrize("name", SERVICES)
def test_unit_is_a_regular_file_that_needs_no_mount_beside_its_own(host, name):
    # A unit that is a link into /opt is not found after a reboot where /opt is a mount of its own.
    unit = host.file(f"/etc/systemd/system/{name}.service")
    assert unit.is_file and not unit.is_symlink
    assert "/generations/" not in unit.content_string, "a switch would have to rewrite the unit"


@pytest.mark.parametrize("name", SERVICES)
def test_unit_is_sealed(host, name):
    assert exposure(host, name) <= MOST_EXPOSED


@pytest.mark.parametrize("name", SERVICES)
def test_process_is_not_root_and_runs_the_current_release(host, name):
    pid = host.check_output(f"systemctl show -p MainPID --value {name}")
    assert host.check_output(f"stat -c %U /proc/{pid}") != "root"
    current = host.check_output(f"realpath /opt/obs/{name}/current/release/bin/{name}")
    assert host.check_output(f"readlink /proc/{pid}/exe") == current


@pytest.mark.parametrize("name", SERVICES)
def test_configuration_is_not_for_everyone(host, name):
    readable = host.check_output(f"find -L /etc/{name}/ -type f -perm /o+r 2>/dev/null || true")
    assert readable == ""


def test_every_target_is_up_under_its_service_name(host):
    def all_up():
        up = {row["metric"]["job"]: row["value"][1] for row in query(host, "up")}
        return up if set(up) >= set(SERVICES) and set(up.values()) == {"1"} else None

    wait_for("target up for each of " + ", ".join(SERVICES), all_up, seconds=45)


def test_every_rule_evaluates(host):
    def evaluated():
        groups = get(host, "http://127.0.0.1:9090/api/v1/rules").json["data"]["groups"]
        health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
        return health if health and "unknown" not in health.values() else None

    health = wait_for("rule evaluated", evaluated, seconds=75)
    assert set(health.values()) == {"ok"}, {name: state for name, state in health.items() if state != "ok"}


def test_alerts_go_to_the_alertmanager(host):
    active = get(host, "http://127.0.0.1:9090/api/v1/alertmanagers").json["data"]["activeAlertmanagers"]
    assert len(active) == 1 and active[0]["url"].endswith(":9093/api/v2/alerts")


def test_prometheus_cannot_be_stopped_over_http(host):
    # With the lifecycle API on, anyone who reaches the port could end the process.
    host.run("curl -sS --max-time 5 -X POST http://127.0.0.1:9090/-/quit")
    assert get(host, READY["prometheus"]).status == 200
    assert host.service("prometheus").is_running


def test_classic_histograms_stay_beside_native_ones(host):
    assert query(host, 'count(prometheus_http_request_duration_seconds_bucket{job="prometheus"})')
