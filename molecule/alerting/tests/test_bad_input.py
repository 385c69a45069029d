"""What cannot tell anybody is said before it is rolled out: the Alertmanager that runs stays, with what it has."""

from __future__ import annotations

from typing import Any

import pytest
from channels import at, told
from lab import PROJECT, Run, converge, get, process, query, wait_for
from raising import PAIR, clear, new_case, raise_alerts

testinfra_hosts = ["alerting-a"]

VALIDATE = PROJECT / "playbooks/validate_config.yml"
# Nothing answers there: whoever tried to connect to a host would fail.
NOBODY = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
ONLY = ("--tags", "alertmanager", "--limit", "main")
URL = "https://alerting-c:9811/hook/rest"


def told_by(**channel: Any) -> dict[str, Any]:
    """An inventory with one receiver, to whom everything goes."""
    return {"obs_receivers": [{"name": "bad", "webhook_configs": [{"url": URL}], **channel}]}


CASES = {
    "route to nobody there": (
        {**told_by(), "obs_routes": [{"receiver": "nobody"}]},
        ["obs_routes[1]", "'nobody'", "there is no receiver of that name"],
    ),
    "missing secret": (
        {**told_by(slack_configs=[{"channel": "#alerts"}]), "obs_routes": [{"receiver": "bad"}]},
        ["slack_configs[1] of receiver 'bad'", "it has no api_url"],
    ),
    "missing secret file": (
        {**told_by(slack_configs=[{"api_url_file": "/etc/lab/gone"}]), "obs_routes": [{"receiver": "bad"}]},
        ["/etc/lab/gone"],
    ),
    "error in a template": (
        {**told_by(slack_configs=[{"api_url": URL, "text": '{{ template "lab.no_such" . }}'}])}
        | {"obs_routes": [{"receiver": "bad"}]},
        ["bad.slack_configs.1.text", "lab.no_such"],
    ),
}


def state(host: str) -> tuple[Any, ...]:
    """What runs on a host, and with which configuration."""
    on_disk = at(host).check_output(
        "sha256sum /etc/alertmanager/alertmanager.yml; readlink /opt/obs/alertmanager/current"
    )
    loaded = get(at(host), "http://127.0.0.1:9093/api/v2/status").json["config"]["original"]
    return process(at(host), "alertmanager"), on_disk, loaded


def unsafe(value: Any) -> Any:
    """What Ansible does not template, as !unsafe in an inventory."""
    if isinstance(value, dict):
        return {key: unsafe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unsafe(item) for item in value]
    return {"__ansible_unsafe": value} if isinstance(value, str) and "{{" in value else value


def one_line(run: Run, words: list[str]) -> bool:
    """Whether one line of what a run failed with says all of it."""
    return any(all(word in line for word in words) for line in run.errors.splitlines())


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_and_what_runs_stays(name):
    variables, words = CASES[name]
    before = {host: state(host) for host in PAIR}
    run = converge(unsafe(variables), arguments=ONLY)
    assert run.code != 0 and run.changed == 0, run.output
    assert one_line(run, words), run.errors
    assert {host: state(host) for host in PAIR} == before


@pytest.mark.parametrize("name", [name for name in CASES if name != "missing secret file"])
def test_it_is_said_without_asking_a_host(name):
    variables, words = CASES[name]
    run = converge(unsafe(variables), playbook=VALIDATE, arguments=ONLY, environment=NOBODY)
    assert run.code != 0 and run.changed == 0, run.output
    assert one_line(run, words), run.errors


def test_a_channel_that_refuses_begins_an_alert():
    case = new_case("refused")
    raise_alerts(case, "refused")
    try:
        wait_for("a refusal", lambda: told(case, "refused"))
        failed = 'ALERTS{alertname="AlertmanagerFailedToSendAlerts", integration="webhook"}'
        wait_for("the alert about it", lambda: query(at("alerting-a"), failed), 60)
    finally:
        clear(case)
