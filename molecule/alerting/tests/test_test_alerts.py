"""Each receiver is told of a test alert by the real pair, and each channel's answer is told without its secrets."""

from __future__ import annotations

import re

from channels import told
from lab import converge, wait_for
from raising import wait_peace

testinfra_hosts = ["alerting-a"]

PLAYBOOK = "../../playbooks/test_alerts.yml"
PAIR = ("--limit", "main")
PAIR_HOSTS = ("alerting-a", "alerting-b")


def raised(**variables: str) -> tuple[int, dict[str, list[str]], str, str]:
    """Exit code, rows of the table by receiver and channel, the name of the alerts, and all that was said."""
    run = converge(variables, playbook=PLAYBOOK, arguments=PAIR)
    tables = [result["msg"] for task, _host, result in run.tasks if task == "Show the table"]
    assert tables, run.output
    names = re.findall(r"ObsTest-[a-z0-9]+", run.output)
    rows = [re.split(r" {2,}", line) for line in tables[0][1:]]
    return run.code, {f"{row[1]}/{row[2]}": row for row in rows}, names[0], run.output


def test_every_receiver_is_told_once_and_what_refuses_is_named_with_its_answer(host):
    # SiteDown inhibits what is raised for its site, and its end would count as a delivery.
    wait_peace()
    code, rows, name, output = raised(wait="20")
    assert code == 2
    states = {where: row[3] for where, row in rows.items()}
    assert states.pop("refused/webhook") == "WRONG", rows
    # Tests before this one killed Alertmanagers, which for five minutes is a warning.
    assert {states[f"(from Prometheus)/{at}"] for at in PAIR_HOSTS} <= {"ok", "warning"}, rows
    assert {state for where, state in states.items() if "Prometheus" not in where} == {"ok"}, rows
    kinds = {where.partition("/")[2] for where in states if where.startswith("channels/")}
    assert kinds == {"pagerduty", "slack", "msteamsv2", "telegram", "webhook", "email"}
    assert {"oncall/webhook", "lead/webhook", "rest/webhook", "watchdog/webhook"} <= set(states), rows
    assert "not delivered: unexpected status code 4" in " ".join(rows["refused/webhook"]), rows
    assert all(f"{way}/{at}" in states for way in ("(from Prometheus)", "(to Alertmanager)") for at in PAIR_HOSTS)
    assert "canary" not in output, "a secret of a channel is told"
    # What is counted is what came, and it says that it is a test.
    came = [one for one in told(name) if not one.resolved and one.channel != "refused"]
    assert len(came) == len({(one.channel, one.path) for one in came}) >= 10, [(one.path, one.at) for one in came]
    assert all("Test: nothing is wrong" in one.text for one in came)


def test_one_receiver_is_tested_alone_until_its_end_was_told(host):
    code, rows, name, _output = raised(receiver="rest", severity="info", resolved="true")
    assert code == 0, rows
    channels = [where for where in rows if not where.startswith("(")]
    assert channels == ["rest/webhook"] and rows["rest/webhook"][-1].endswith("; end told"), rows
    found = wait_for("both", lambda: found if len(found := told(name)) >= 2 else None, 20)
    assert [(one.path.rpartition("/")[2], one.resolved) for one in found] == [("rest", False), ("rest", True)]
    assert 'severity": "info' in found[0].text
