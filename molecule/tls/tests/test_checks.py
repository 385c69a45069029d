"""Smoke test and check of dependencies go through TLS and passwords, and show none of them."""

from __future__ import annotations

from typing import Any

from lab import PROJECT, Run, converge

testinfra_hosts = ["tls-1"]

CANARY = "canary-4711"


def run(playbook: str, **variables: Any) -> Run:
    """A playbook of the collection, told as loudly as Ansible can."""
    done = converge(variables, playbook=PROJECT / "playbooks" / playbook, arguments=("-vvv",))
    assert CANARY not in done.output
    return done


def table(done: Run) -> str:
    return "\n".join(next(result["msg"] for task, _host, result in done.tasks if task == "Show the table"))


def test_smoke_test_is_let_in():
    done = run("smoke_test.yml")
    assert done.code == 0, done.errors or done.output
    assert "queried, from tls-2:9100" in table(done)
    assert "seen held back" in table(done)


def test_smoke_test_is_not_let_in_with_a_wrong_password():
    done = run("smoke_test.yml", alertmanager_basic_auth_password="wrong-canary-4712")
    assert done.code == 2
    assert "/api/v2/silences: HTTP 401: the user name or password is refused" in done.errors
    assert "wrong-canary-4712" not in done.output


def test_certificates_of_every_service_are_looked_at():
    # They are made for a day: with limits as they are by default, every one is wrong.
    done = run("check_dependencies.yml", only="certificate")
    assert done.code == 2
    for host, service in (("tls-1", "prometheus"), ("tls-1", "alertmanager"), ("tls-2", "node_exporter")):
        assert f"{host} certificate /etc/{service}/tls/server.crt: 0 days left, until " in done.errors
