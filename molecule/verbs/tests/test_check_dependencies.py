"""What the estate depends on is asked for from the host that needs it; each thing that is missing is one line."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import testinfra
from lab import INVENTORY, PROJECT, Run, converge

testinfra_hosts = ["verbs-a"]

CHECK = PROJECT / "playbooks/check_dependencies.yml"
CANARY = "canary-of-the-bucket"


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def check(*arguments: str, **variables: Any) -> Run:
    return converge(variables or None, playbook=CHECK, arguments=arguments)


def table(run: Run) -> list[str]:
    """The lines of the table at the end, without its header."""
    return next(result["msg"] for task, _host, result in run.tasks if task == "Show the table")[1:]


def states(run: Run, host: str, area: str) -> list[str]:
    """The states of one kind of check of a host; a target may have words, so the state is looked for."""
    rows = [line.split() for line in table(run)]
    found = [row for row in rows if row[:2] == [host, area]]
    return [next(word for word in row if word in ("ok", "warning", "WRONG", "skipped")) for row in found]


def test_an_estate_that_has_all_it_needs(host):
    # Containers have nothing that keeps their clock: a warning, and no failure. Their disk is the machine's.
    run = check(obs_dependency_limits={"disk_warn_percent": 0, "disk_fail_percent": 0})
    assert run.code == 0, run.errors or run.output
    assert run.changed == 0
    assert states(run, "controller", "mirror") == ["ok"] * 3
    assert states(run, "verbs-a", "peer") == ["ok"] and "4 targets" in "\n".join(table(run))
    assert set(states(run, "verbs-a", "dns")) == {"ok"} == set(states(run, "verbs-b", "dns"))
    assert "WRONG" not in states(run, "verbs-b", "clock") and states(run, "verbs-b", "clock")
    assert "of the controller" in "\n".join(table(run))


def test_everything_that_is_missing_is_one_line(host):
    host.check_output("mkdir -p /run/lab && printf 'http://127.0.0.1:9/canary-of-the-hook' > /run/lab/url")
    receivers = [
        {
            "name": "team",
            "webhook_configs": [{"url_file": "/run/lab/url"}],
            "email_configs": [{"to": "x@example.com", "smarthost": "mail.invalid:587"}],
        }
    ]
    bucket = f"http://reader:{CANARY}@127.0.0.1:9090/no-such-bucket?token={CANARY}"
    dependencies = [
        {"name": "bucket", "kind": "http", "url": bucket, "from": "prometheus"},
        {"name": "forbidden", "kind": "http", "url": bucket, "from": "prometheus", "status": [404]},
        {"name": "database", "kind": "tcp", "address": "127.0.0.1:5432", "from": "verbs-b"},
    ]
    at("verbs-b").check_output("systemctl stop node_exporter")
    try:
        run = check(
            "-vvv",
            alertmanager_config={"receivers": receivers},
            obs_dependencies=dependencies,
            # There is no such folder: the mirror lacks every release.
            obs_mirror="file:///nonexistent",
        )
    finally:
        at("verbs-b").check_output("systemctl start node_exporter")
        host.check_output("rm -r /run/lab")
    assert run.code == 2
    for line in (
        "verbs-a peer node_exporter verbs-b:9100: ",
        "verbs-a receiver team (webhook): 127.0.0.1:9: refused: nothing listens there",
        "verbs-a receiver team (email): mail.invalid:587: the name does not resolve",
        "verbs-a dependency bucket: HTTP 404 from http://127.0.0.1:9090/no-such-bucket",
        "verbs-b dependency database: 127.0.0.1:5432: refused: nothing listens there",
        "controller mirror prometheus 3.13.5: /nonexistent/github.com/prometheus/prometheus/",
    ):
        assert line in run.errors, run.errors
    assert states(run, "verbs-a", "dependency") == ["WRONG", "ok"], "404 is what was asked for of the second"
    assert "database" not in "\n".join(line for line in table(run) if line.startswith("verbs-a"))
    assert "canary" not in run.output, "secrets of URLs are shown nowhere"


def test_hosts_look_at_their_own_files_and_fetch_where_they_are_told_to(host):
    host.check_output(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 21 -subj /CN=lab"
        " -keyout /run/lab.key -out /run/lab.crt 2>&1"
    )
    try:
        run = check(
            only="mirror,certificate,disk",
            prometheus_web_config={"tls_server_config": {"cert_file": "/run/lab.crt", "key_file": "/run/lab.key"}},
            obs_dependency_limits={"disk_warn_percent": 101, "disk_fail_percent": 101},
            obs_fetch="host",
            obs_mirror="file:///nonexistent",
        )
    finally:
        host.check_output("rm -f /run/lab.key /run/lab.crt")
    assert run.code == 2
    assert states(run, "verbs-a", "certificate") == ["warning"]
    assert "20 days left, until " in "\n".join(table(run)) and "verbs-a certificate" not in run.errors
    assert "verbs-a disk /opt/obs: " in run.errors
    # Nothing of the controller's store is on the hosts: it is they who have looked.
    assert states(run, "verbs-a", "mirror") == ["WRONG"] * 3 and states(run, "verbs-b", "mirror") == ["WRONG"]
    assert not states(run, "controller", "mirror")


def test_a_word_that_is_no_check_is_the_cause():
    command = [sys.executable, "-m", "scripts.verb", "check-dependencies", f"ENV={INVENTORY}", "ONLY=dsn"]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "Cause: " in answer.stderr and "Could not choose the checks 'dsn'" in answer.stderr
