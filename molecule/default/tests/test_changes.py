"""What a run changes: nothing when nothing changed, one reload for a configuration, never a process for it."""

from __future__ import annotations

import re

import pytest
from lab import converge, get, process, wait_for

SERVICES = ["alertmanager", "node_exporter", "prometheus"]


def reloaded_at(host) -> float:
    """prometheus_config_last_reload_success_timestamp_seconds as the process tells it."""
    name = "prometheus_config_last_reload_success_timestamp_seconds "
    lines = get(host, "http://127.0.0.1:9090/metrics").body.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name))


def reloads(host) -> int:
    """How often the running process has read its configuration, by its journal."""
    pid = process(host, "prometheus").pid
    journal = host.check_output(f"journalctl _PID={pid} --no-pager")
    return journal.count("Completed loading of configuration file")


def told(host) -> list[str]:
    """What node_exporter is told of deploys of Prometheus."""
    return host.file("/var/lib/node_exporter/obs_deploy_prometheus.prom").content_string.splitlines()


@pytest.fixture
def undone():
    """Brings the host back to the scenario's own wish, whatever the test did."""
    yield
    assert converge().code == 0


def test_second_run_changes_nothing(host):
    before = {name: process(host, name) for name in SERVICES}
    run = converge()
    assert run.code == 0, run.errors or run.output
    assert run.changed == 0 and run.failed == 0
    assert {name: process(host, name) for name in SERVICES} == before


def test_changed_configuration_is_one_reload_and_no_restart(host, undone):
    before, reads, last = process(host, "prometheus"), reloads(host), reloaded_at(host)
    run = converge({"prometheus_config": {"global": {"external_labels": {"changed_by": "test"}}}})
    assert run.code == 0, run.errors or run.output
    assert run.changed == 1
    assert process(host, "prometheus") == before
    assert reloads(host) == reads + 1
    assert reloaded_at(host) > last
    loaded = get(host, "http://127.0.0.1:9090/api/v1/status/config").json["data"]["yaml"]
    assert "changed_by: test" in loaded
    # The configuration alone is a deploy as well, with the commit of the inventory's repository where it is in one.
    (deployed,) = told(host)
    generation, digest = re.search(r'generation="(\d+)",digest="([0-9a-f]{12})"', deployed).groups()
    assert host.check_output("readlink /opt/obs/prometheus/current") == f"generations/{generation}"
    assert digest in host.check_output("cat /opt/obs/prometheus/current/manifest.json")


def test_check_mode_foretells_and_does_not_touch(host):
    before = process(host, "prometheus")
    generation = host.check_output("readlink /opt/obs/prometheus/current")
    run = converge({"prometheus_config": {"global": {"evaluation_interval": "20s"}}}, arguments=("--check", "--diff"))
    assert run.code == 0, run.errors or run.output
    assert run.changed == 1
    assert "evaluation_interval: 20s" in run.output
    assert host.check_output("readlink /opt/obs/prometheus/current") == generation
    assert process(host, "prometheus") == before


def test_rejected_configuration_leaves_the_old_one_at_work(host):
    before = process(host, "prometheus")
    run = converge({"prometheus_config": {"scrape_configs": [{"job_name": "broken", "scrape_interval": "never"}]}})
    assert run.code != 0
    assert "prometheus" in run.errors and "never" in run.errors, run.errors
    assert process(host, "prometheus") == before
    assert get(host, "http://127.0.0.1:9090/-/ready").status == 200
    (failed,) = [line for line in told(host) if line.startswith("deploy_failed")]
    assert 'service="prometheus",step="check"' in failed
    assert converge().code == 0
    # The run that succeeds ends it, although it changed nothing; the last deploy stays known.
    assert [line.partition("{")[0] for line in told(host)] == ["deploy_timestamp_seconds"]


def test_killed_process_comes_back(host):
    before = process(host, "node_exporter")
    host.check_output(f"kill -9 {before.pid}")
    wait_for("node_exporter after a kill", lambda: get(host, "http://127.0.0.1:9100/metrics").status == 200, seconds=30)
    assert process(host, "node_exporter").pid not in (0, before.pid)
