"""Before the adoption: what is not ours is refused, and an adoption that fails leaves it as it was."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Process, converge, get, process, wait_for

UNITS = ["prometheus", "prometheus-node-exporter"]
FILES = [
    "/etc/systemd/system/prometheus.service",
    "/etc/prometheus/prometheus.yml",
    "/etc/prometheus/rules/ansible_managed.rules",
]


def state(host: Any) -> dict[str, Any]:
    """All that an attempt must not change for good."""
    return {
        "files": {path: host.file(path).content_string for path in FILES},
        "modes": host.check_output("stat -c '%n %F %a %U %G' /etc/prometheus /etc/prometheus/* /var/lib/prometheus"),
        "enabled": {unit: host.check_output(f"systemctl is-enabled {unit}") for unit in UNITS},
        "ours": host.run("systemctl cat node_exporter").rc,
        "leftovers": host.run("ls -d /etc/prometheus.* /etc/systemd/system/*.before-obs*").stdout,
        "uid": host.check_output("id -u prometheus"),
    }


@pytest.fixture
def as_before(host: Any):
    """The old service answers before and after, from the same files."""
    before = state(host)
    yield
    assert state(host) == before
    answer = wait_for(
        "the old Prometheus", lambda: get(host, "http://127.0.0.1:9090/api/v1/status/buildinfo").status == 200
    )
    assert answer
    assert get(host, "http://127.0.0.1:9090/api/v1/status/buildinfo").json["data"]["version"] == "3.13.4"
    executable = host.check_output(f"readlink /proc/{process(host, 'prometheus').pid}/exe")
    assert executable == "/usr/local/bin/prometheus"
    assert "installed_by: others" in get(host, "http://127.0.0.1:9090/api/v1/status/config").json["data"]["yaml"]
    assert get(host, "http://127.0.0.1:9100/metrics").status == 200


def processes(host: Any) -> dict[str, Process]:
    return {unit: process(host, unit) for unit in UNITS}


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "run"])
@pytest.mark.parametrize(
    ("tag", "found", "variable"),
    [
        ("prometheus", ["/etc/prometheus is a folder", "/etc/systemd/system/prometheus.service"], "prometheus_adopt"),
        ("node_exporter", ["prometheus-node-exporter.service"], "node_exporter_adopt"),
    ],
)
def test_refused_by_default_with_what_was_found(host, as_before, tag, found, variable, check):
    before = processes(host)
    run = converge({"obs_adopt": False}, arguments=("--tags", tag, *(["--check"] if check else [])))
    assert run.code != 0
    for words in [*found, variable]:
        assert words in run.errors, run.errors
    assert len(run.errors.splitlines()) <= 2, run.errors
    assert processes(host) == before


def test_other_data_directory_is_refused(host, as_before):
    before = processes(host)
    run = converge({"prometheus_data_dir": "/srv/prometheus"}, arguments=("--tags", "prometheus"))
    assert run.code != 0
    assert "/var/lib/prometheus" in run.errors and "/srv/prometheus" in run.errors, run.errors
    assert processes(host) == before
    assert not host.file("/srv/prometheus").exists


def test_rejected_configuration_does_not_touch_the_old_service(host, as_before):
    before = processes(host)
    bad = {"scrape_configs": [{"job_name": "bad", "scrape_interval": "never"}]}
    run = converge({"prometheus_config": bad}, arguments=("--tags", "prometheus"))
    assert run.code != 0
    assert "never" in run.errors, run.errors
    assert processes(host) == before


def test_release_that_dies_brings_the_old_service_back(host, as_before):
    run = converge({"prometheus_version": "3.13.90"}, arguments=("--tags", "prometheus"))
    assert run.code != 0
    assert "broken on purpose" in run.errors and "runs again" in run.errors, run.errors


def test_configuration_the_process_dies_on_brings_the_old_exporter_back(host, as_before):
    run = converge({"node_exporter_flags": {"no-such-flag": "x"}}, arguments=("--tags", "node_exporter"))
    assert run.code != 0
    assert "no-such-flag" in run.errors, run.errors
    assert process(host, "prometheus-node-exporter").pid
