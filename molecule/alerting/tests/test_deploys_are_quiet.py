"""A change that restarts a service pages nobody for it, and what it silenced is lifted when it is over."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest
from lab import converge, get, query, wait_for

testinfra_hosts = ["alerting-a"]

RULES = "/etc/obs/prometheus/rules.d/lab-quiet.yml"
SEEN = "/run/lab-quiet"
ALERT = "LabNodeExporterGone"
RULE = f"""
groups:
  - name: lab-quiet
    interval: 1s
    rules:
      - {{alert: {ALERT}, expr: 'up{{job="node_exporter"}} == 0', labels: {{severity: page}}}}
"""
# Long enough that Prometheus finds it gone, shorter than any default of ours.
SLOW = "/bin/sleep 6"
NEVER = "/bin/sh -c 'sleep 6; exit 1'"


@pytest.fixture(scope="module")
def name(host) -> str:
    """The first of the pair, whose node_exporter restarts."""
    return host.backend.get_hostname()


@pytest.fixture(scope="module", autouse=True)
def rule(host) -> Iterator[None]:
    """An alert that waits for nothing, and afterwards a host as it was."""
    load = "systemctl kill -s HUP prometheus"
    host.check_output(f"mkdir -p $(dirname {RULES}) && echo {shlex.quote(RULE)} > {RULES} && {load}")
    rules = "http://127.0.0.1:9090/api/v1/rules"
    wait_for("rule", lambda: ALERT in get(host, rules).body)
    yield
    host.check_output(f"rm {RULES} && {load}")
    assert change(host.backend.get_hostname()).code == 0
    lift(host, host.backend.get_hostname())


def change(name: str, start: str = "", **variables):
    """Run the play of node_exporter on one host, with a command before its start."""
    variables["node_exporter_sandbox"] = {"ExecStartPre": start or None}
    return converge(variables, arguments=("--tags", "node_exporter", "--limit", name))


def silences(host, name: str) -> list[dict]:
    """Those of deploys of that host's node_exporter that hold, by the host's own Alertmanager."""
    found = get(host, "http://127.0.0.1:9093/api/v2/silences").json
    mark = f"[obs:deploy-node_exporter-{name}]"
    return [one for one in found if mark in one["comment"] and one["status"]["state"] != "expired"]


def lift(host, name: str) -> None:
    """End those that still hold, so that nothing is held back from whoever comes next."""
    for silence in silences(host, name):
        host.check_output(f"curl -sf -X DELETE http://127.0.0.1:9093/api/v2/silence/{silence['id']}")


@contextmanager
def watching(host) -> Iterator[list[dict]]:
    """Gives what Alertmanager has of the alert at each moment of the body, when that is over."""
    ask = f"curl -s 'http://127.0.0.1:9093/api/v2/alerts?filter=alertname={ALERT}' >> {SEEN}; echo >> {SEEN}; sleep 0.2"
    loop = shlex.quote(f"while :; do {ask}; done")
    host.check_output(f": > {SEEN}; systemd-run --unit lab-quiet --collect sh -c {loop}")
    seen: list[dict] = []
    try:
        yield seen
        wait_for("end of the alert", lambda: not query(host, f'ALERTS{{alertname="{ALERT}"}}'))
    finally:
        host.run("systemctl stop lab-quiet")
        text = host.check_output(f"cat {SEEN}; rm {SEEN}")
        seen += [alert for line in text.splitlines() if line for alert in json.loads(line)]


def states(seen: list[dict], silence: dict) -> set[str]:
    """What the alert was, from when the silence began: before, a scrape may have failed for want of time."""
    return {one["status"]["state"] for one in seen if one["startsAt"] >= silence["startsAt"]}


def left(silence: dict) -> float:
    """Seconds until it ends."""
    ends = datetime.strptime(silence["endsAt"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return (ends - datetime.now(timezone.utc)).total_seconds()


def test_a_restart_fires_no_alert_that_tells_anybody(host, name):
    with watching(host) as seen:
        run = change(name, SLOW)
        assert run.code == 0, run.errors or run.output
        assert [result["restarted"] for result in run.results("node_exporter")] == [True]
        (silence,) = silences(host, name)
    assert states(seen, silence) == {"suppressed"}
    # A change may take ten minutes and more; now it is over.
    assert left(silence) <= 61


def test_a_change_that_fails_and_is_taken_back_is_as_quiet_and_lifts(host, name):
    with watching(host) as seen:
        run = change(name, NEVER)
        assert run.code != 0 and "was put back and answers" in run.errors, run.errors or run.output
        # The former one, taken up, or another.
        (silence,) = silences(host, name)
    assert states(seen, silence) == {"suppressed"}
    assert left(silence) <= 61
