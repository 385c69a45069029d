"""A sample and an alert go through the running stack, reach nobody, and leave what the run says they leave."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
import receiver
import testinfra
from lab import INVENTORY, PROJECT, Run, converge, get, query, wait_for

testinfra_hosts = ["verbs-a"]

SMOKE = PROJECT / "playbooks/smoke_test.yml"
ALERTMANAGER = "http://127.0.0.1:9093/api/v2"
TEXTFILE = "/var/lib/node_exporter/obs_smoke_test.prom"


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def smoke(*arguments: str, **variables: Any) -> Run:
    return converge(variables or None, playbook=SMOKE, arguments=arguments)


def table(run: Run) -> list[str]:
    """The lines of the table at the end, without its header."""
    return next(result["msg"] for task, _host, result in run.tasks if task == "Show the table")[1:]


def cells(run: Run) -> list[list[str]]:
    """Host, check, target and state of each line."""
    return [line.split()[:4] for line in table(run)]


def silences(host: Any) -> dict[str, str]:
    """Those that smoke tests made, with their states."""
    found = [item for item in get(host, f"{ALERTMANAGER}/silences").json if "smoke_test" in item["createdBy"]]
    return {item["id"]: item["status"]["state"] for item in found}


@pytest.fixture(scope="module")
def received():
    """What a receiver of all alerts, told at once, has been told so far."""
    watched = at("verbs-b")
    url = f"http://{watched.check_output('hostname')}:{receiver.PORT}/"
    with receiver.receiving(watched) as heard:
        try:
            run = converge({"alertmanager_config": receiver.config(url)}, arguments=("--tags", "alertmanager"))
            assert run.code == 0, run.errors or run.output
            yield heard
        finally:
            assert converge(arguments=("--tags", "alertmanager")).code == 0


def test_sample_and_alert_arrive_and_nobody_is_told(host, received):
    before = silences(host)
    run = smoke()
    assert run.code == 0, run.errors or run.output
    assert cells(run) == [
        ["verbs-a", "sample", "prometheus", "ok"],
        ["verbs-a", "alert", "alertmanager", "ok"],
        ["verbs-b", "sample", "node_exporter", "ok"],
        ["verbs-b", "sample", "node_exporter", "ok"],
    ]
    found = query(host, "last_over_time(obs_smoke_test[5m])")
    assert [row["metric"]["instance"] for row in found] == ["verbs-b:9100"], "Prometheus itself must have it"
    assert not at("verbs-b").file(TEXTFILE).exists
    assert [state for identity, state in silences(host).items() if identity not in before] == ["expired"]
    assert not [item for item in get(host, f"{ALERTMANAGER}/alerts").json if item["labels"].get("smoke_id")]

    # The receiver does hear of alerts: of one sent now, after the smoke test's.
    # Named anew, because what Alertmanager has once told it does not tell again for hours.
    control = f"LabControl{time.time_ns()}"
    body = json.dumps([{"labels": {"alertname": control}}])
    sent = get(host, f"{ALERTMANAGER}/alerts", "-H", "Content-Type: application/json", "-d", body)
    assert sent.status == 200, sent.body
    told = wait_for(f"{control} at the receiver", lambda: received() if control in received() else None, 30)
    assert "ObsSmokeTest" not in told


def test_check_mode_sends_nothing(host):
    before = silences(host)
    run = smoke("--check")
    assert run.code == 0, run.errors or run.output
    assert {row[3] for row in cells(run)} == {"skipped"}
    assert silences(host) == before
    assert not at("verbs-b").file(TEXTFILE).exists


def test_exporter_that_is_down_is_the_cause(host):
    at("verbs-b").check_output("systemctl stop node_exporter")
    try:
        command = [sys.executable, "-m", "scripts.verb", "smoke-test", f"ENV={INVENTORY}"]
        answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    finally:
        at("verbs-b").check_output("systemctl start node_exporter")
    assert answer.returncode == 2, answer.stdout + answer.stderr
    causes = [line for line in answer.stderr.splitlines() if line.startswith("Cause: ")]
    assert len(causes) == 1
    assert causes[0].startswith("Cause: verbs-b sample node_exporter: Could not GET http://127.0.0.1:9100/metrics: ")
    assert "verbs-b did not write it" in answer.stdout
    assert not at("verbs-b").file(TEXTFILE).exists


def test_each_broken_way_is_told_with_its_reason(host):
    # Its own exporter shows the sample, and the way from Prometheus to it is cut.
    watched = at("verbs-b")
    cut = "/run/systemd/system/node_exporter.service.d"
    again = "systemctl daemon-reload && systemctl restart node_exporter"
    rules = "[Service]\\nIPAddressDeny=any\\nIPAddressAllow=localhost\\n"
    watched.check_output(f"mkdir -p {cut} && printf '{rules}' > {cut}/lab.conf && {again}")
    host.check_output("systemctl stop alertmanager")
    try:
        wait_for("failed scrape", lambda: query(host, 'up{instance="verbs-b:9100"} == 0'))
        run = smoke(wait=1)
    finally:
        watched.check_output(f"rm -r {cut} && {again}")
        host.check_output("systemctl start alertmanager")
        wait_for("Alertmanager", lambda: get(host, "http://127.0.0.1:9093/-/ready").status == 200)
        wait_for("good scrape", lambda: query(host, 'up{instance="verbs-b:9100"} == 1'))
    assert run.code == 2
    why = "Could not find the sample of verbs-b in prometheus: not there after 1 s; target verbs-b:9100 is down: "
    assert f"verbs-a sample prometheus: {why}" in run.errors
    assert "verbs-a alert alertmanager: Could not POST http://127.0.0.1:9093/api/v2/silences: " in run.errors
    assert ["verbs-b", "sample", "node_exporter", "ok"] in cells(run)
    assert not watched.file(TEXTFILE).exists
