"""Two replicas and two cluster members work as one: derived from the inventory, watched, and changed one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from guarded import STRAIGHT, at
from lab import PROJECT, converge, get, process, wait_for
from lab import query as ask

testinfra_hosts = ["ha-a"]

REPLICAS = ("ha-a", "ha-b")
LOKI = ("ha-1", "ha-2", "ha-3")
HOSTS = (*LOKI, "ha-a", "ha-b", "ha-gw")
RAISED = "LabAlertRaised"
PROMETHEUS = ("--tags", "prometheus")


def prometheus(host) -> str:
    """The address of a host's Prometheus."""
    return f"https://{host.backend.host}:9090"


def alertmanager(host) -> str:
    """The address of a host's Alertmanager."""
    return f"https://{host.backend.host}:9093"


def query(host, promql: str) -> list[dict[str, Any]]:
    """What the Prometheus of a host answers."""
    return ask(host, promql, prometheus(host), *STRAIGHT)


@pytest.fixture(params=REPLICAS)
def replica(request):
    """Each host with a Prometheus and an Alertmanager."""
    return at(request.param)


def loaded(host) -> dict[str, Any]:
    """The configuration that Prometheus uses."""
    return yaml.safe_load(get(host, f"{prometheus(host)}/api/v1/status/config", *STRAIGHT).json["data"]["yaml"])


def alerts(host, name: str) -> list[dict[str, Any]]:
    """Alerts of a name as an Alertmanager has them."""
    question = ("-G", "--data-urlencode", f'filter=alertname="{name}"')
    answer = get(host, f"{alertmanager(host)}/api/v2/alerts", *STRAIGHT, *question)
    return answer.json


@pytest.fixture
def undone():
    """Brings the replicas back to the scenario's own wish."""
    yield
    assert converge(arguments=PROMETHEUS).code == 0


def test_every_replica_scrapes_every_host(replica):
    everywhere = {"node_exporter": 9100, "otelcol-agent": 8887}
    twice = {"prometheus": 9090, "alertmanager": 9093, "thanos-sidecar": 10902, "thanos-query": 10904, "otelcol": 8889}
    once = {"thanos-store": "ha-1:10906", "thanos-compact": "ha-2:10910", "grafana": "ha-2:3000", "tempo": "ha-3:3200"}
    expected = (
        {(job, f"{name}:{port}") for job, port in everywhere.items() for name in HOSTS}
        | {(job, f"{name}:{port}") for job, port in twice.items() for name in REPLICAS}
        | {("loki", f"{name}:3100") for name in LOKI}
        | set(once.items())
        | {("gateway", "ha-gw:8405")}
    )

    def up():
        found = {(r["metric"]["job"], r["metric"]["instance"]) for r in query(replica, "up == 1")}
        return found if found == expected else None

    wait_for("all of " + str(sorted(expected)), up, seconds=45)


def test_sandbox_leaves_the_exporter_its_sight(host):
    collectors = "cpu|diskstats|filesystem|meminfo|netdev|arp|systemd|textfile|timex"
    rows = query(host, f'node_scrape_collector_success{{host="ha-1", collector=~"{collectors}"}}')
    seen = {row["metric"]["collector"]: row["value"][1] for row in rows}
    assert seen == dict.fromkeys(collectors.split("|"), "1")


def test_targets_say_where_they_are(replica):
    row = query(replica, 'up{job="node_exporter", host="ha-2"}')[0]["metric"]
    assert row["site"] == "main" and row["host_zone"] == "b"
    assert "zone" not in row, "zone is a label of the replica, not of the target"


def test_external_labels_differ_in_replica_and_zone_only():
    labels = {name: loaded(at(name))["global"]["external_labels"] for name in REPLICAS}
    assert labels == {
        "ha-a": {"site": "main", "zone": "a", "replica": "ha-a"},
        "ha-b": {"site": "main", "zone": "b", "replica": "ha-b"},
    }


def test_replicas_have_the_same_configuration_otherwise():
    first, second = (loaded(at(name)) for name in REPLICAS)
    for configuration in (first, second):
        del configuration["global"]["external_labels"]
    assert first == second


def members(host) -> list[str]:
    """The members an Alertmanager sees; none while its gossip has not settled."""
    answer = get(host, f"{alertmanager(host)}/api/v2/status", *STRAIGHT)
    cluster = answer.json["cluster"] if answer.status == 200 else {"status": "silent"}
    return sorted(peer["name"] for peer in cluster["peers"]) if cluster["status"] == "ready" else []


def test_alertmanagers_are_one_cluster(replica):
    assert members(replica) == ["ha-a", "ha-b"]


def test_silence_made_on_one_member_reaches_the_other():
    body = (
        '{"matchers":[{"name":"alertname","value":"LabSilence","isRegex":false,"isEqual":true}],'
        '"startsAt":"2020-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"test","comment":"test"}'
    )
    posted = ("-H", "Content-Type: application/json", "-d", body)
    made = get(at("ha-a"), f"{alertmanager(at('ha-a'))}/api/v2/silences", *STRAIGHT, *posted)
    assert made.status == 200, made.body
    identity = made.json["silenceID"]
    wait_for(
        "silence on the other member",
        lambda: get(at("ha-b"), f"{alertmanager(at('ha-b'))}/api/v2/silence/{identity}", *STRAIGHT).status == 200,
        seconds=30,
    )


def test_verify_finds_the_estate_healthy(host):
    run = converge(playbook=PROJECT / "playbooks/verify.yml")
    assert run.code == 0, run.errors or run.output


def test_changed_rule_is_a_reload_everywhere_and_its_alert_is_one_alert(tmp_path: Path, host, undone):
    rule = {
        "alert": RAISED,
        "expr": "vector(1)",
        "labels": {"severity": "ticket"},
        "annotations": {"summary": "{{ $value }} is filled in by Prometheus, not by Ansible"},
    }
    (tmp_path / "raised.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "lab", "interval": "2s", "rules": [rule]}]})
    )
    before = {name: process(at(name), "prometheus") for name in REPLICAS}
    rules = [{"src": str(tmp_path / "raised.yml"), "kind": "alerts"}]
    run = converge({"prometheus_rules": rules}, arguments=PROMETHEUS)
    assert run.code == 0, run.errors or run.output
    results = run.results("prometheus")
    assert [(r["reloaded"], r["restarted"]) for r in results] == [(True, False)] * 2
    assert run.changed == 2
    assert {name: process(at(name), "prometheus") for name in REPLICAS} == before

    for name in REPLICAS:
        # Both replicas fire it and send it to both members.
        firing = f'ALERTS{{alertname="{RAISED}", alertstate="firing"}}'
        wait_for(f"{RAISED} in {name}", lambda name=name, firing=firing: query(at(name), firing), seconds=30)
    for name in REPLICAS:
        found = wait_for(f"{RAISED} at {name}", lambda name=name: alerts(at(name), RAISED), seconds=30)
        # A second look after some resends: still one, because both replicas send equal labels.
        found = alerts(at(name), RAISED)
        assert len(found) == 1, found
        assert found[0]["labels"] == {"alertname": RAISED, "severity": "ticket", "site": "main"}
        assert found[0]["annotations"]["summary"] == "1 is filled in by Prometheus, not by Ansible"


def test_restart_goes_one_replica_after_the_other(host, undone):
    flags = {**host.ansible.get_variables()["prometheus_flags"], "query.max-concurrency": 19}
    run = converge({"prometheus_flags": flags}, arguments=PROMETHEUS)
    assert run.code == 0, run.errors or run.output
    order = [name for _task, name, result in run.tasks if result.get("restarted")]
    assert order == list(REPLICAS)
    first, second = (process(at(name), "prometheus").started for name in REPLICAS)
    assert first < second


def test_first_failure_leaves_the_other_replica_alone(host, undone):
    before = {name: process(at(name), "prometheus") for name in REPLICAS}
    run = converge({"prometheus_flags": {"no.such.flag": "1"}}, arguments=PROMETHEUS)
    assert run.code != 0
    assert "no.such.flag" in run.errors, run.errors
    asked = [name for task, name, _result in run.tasks if task.endswith("Run Prometheus as a managed service")]
    assert asked == ["ha-a"], "the second replica must not be asked"
    assert process(at("ha-b"), "prometheus") == before["ha-b"]
    for name in REPLICAS:
        assert get(at(name), f"https://{name}:9090/-/ready", *STRAIGHT).status == 200


def test_lost_member_is_told(host):
    other = at("ha-b")
    other.check_output("systemctl stop alertmanager")
    try:
        lost = 'up{job="alertmanager", instance="ha-b:9093"} == 0'
        wait_for("lost member in both replicas", lambda: all(query(at(name), lost) for name in REPLICAS), seconds=45)
        run = converge({"wait": 5}, playbook=PROJECT / "playbooks/verify.yml")
    finally:
        other.check_output("systemctl start alertmanager")
        # pytest may have put tests of the other replica behind this one.
        wait_for("whole cluster", lambda: all(members(at(name)) == ["ha-a", "ha-b"] for name in REPLICAS), seconds=60)
    assert run.code != 0
    assert "ha-b alertmanager answers" in run.errors, run.errors
    assert "alertmanager ha-b:9093 is down" in run.errors, run.errors
