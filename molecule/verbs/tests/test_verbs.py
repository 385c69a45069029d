"""The verbs of day two on real hosts, each with its failing side: exit code, and one line as the cause."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from lab import INVENTORY, PROJECT, get, process, wait_for

testinfra_hosts = ["verbs-a"]

DOWN = "verbs-down"
CHANGE = 'EXTRA={"node_exporter_flags": {"log.level": "warn"}}'
BROKEN = 'EXTRA={"prometheus_config": {"globl": {}}}'


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def command(name: str, *words: str, env: str | Path = INVENTORY) -> list[str]:
    return [sys.executable, "-m", "scripts.verb", name, f"ENV={env}", *words]


def verb(name: str, *words: str, env: str | Path = INVENTORY) -> subprocess.CompletedProcess[str]:
    """A verb as `make` runs it."""
    return subprocess.run(command(name, *words, env=env), cwd=PROJECT, capture_output=True, text=True, check=False)


def causes(answer: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that say why; they are the last ones."""
    lines = answer.stderr.splitlines()
    found = [line for line in lines if line.startswith("Cause: ")]
    assert lines[-len(found) :] == found, answer.stderr
    return found


def succeed(name: str, *words: str) -> str:
    """The standard output of a verb that works and gives no cause."""
    answer = verb(name, *words)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Cause: " not in answer.stderr
    return answer.stdout


def rows(table: str) -> list[list[str]]:
    """Cells of a table, without its header."""
    return [line.split() for line in table.splitlines()[1:]]


def current(name: str, service: str) -> str:
    return str(at(name).check_output(f"basename $(readlink /opt/obs/{service}/current)"))


@pytest.fixture(scope="module")
def with_one_down(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario's inventory, with one host more that does not exist and has every service."""
    folder = tmp_path_factory.mktemp("inventory")
    for path in INVENTORY.iterdir():
        (folder / path.name).symlink_to(path)
    groups = {name: {"hosts": {DOWN: None}} for name in ("prometheus", "alertmanager", "monitored")}
    host = {"ansible_connection": "community.docker.docker", "ansible_host": "obs-no-such-container"}
    (folder / "zz_down.json").write_text(json.dumps({"all": {"hosts": {DOWN: host}, "children": groups}}))
    return folder


def test_status_tells_what_every_host_runs():
    table = rows(succeed("status"))
    assert [row[:2] for row in table] == [
        ["verbs-a", "alertmanager"],
        ["verbs-a", "node_exporter"],
        ["verbs-a", "prometheus"],
        ["verbs-b", "node_exporter"],
    ]
    assert all(row[-2:] == ["running", "yes"] for row in table)


def test_status_sees_a_process_that_is_not_of_what_is_current(host):
    number = current("verbs-a", "prometheus")
    folder = "/opt/obs/prometheus"
    try:
        # As after a restart that got lost: the next generation is current, and the process is of the one before.
        host.check_output(
            f"cp -a {folder}/generations/{number} {folder}/generations/99 && "
            f"sed -i 's/OBS_RESTART_KEY=.*/OBS_RESTART_KEY=0/' {folder}/generations/99/run.env && "
            f'sed -i \'s/"restart_key": "[^"]*"/"restart_key": "0"/; s/"number": {number}/"number": 99/\' '
            f"{folder}/generations/99/manifest.json && ln -sfn generations/99 {folder}/current"
        )
        (row,) = [row for row in rows(succeed("status", "HOST=verbs-a")) if row[1] == "prometheus"]
        assert row[3] == "99" and row[7:9] == ["running", "NO"]
    finally:
        host.check_output(f"ln -sfn generations/{number} {folder}/current && rm -rf {folder}/generations/99")


def test_plan_shows_the_change_and_makes_none():
    before = process(at("verbs-b"), "node_exporter"), current("verbs-b", "node_exporter")
    shown = succeed("plan", "HOST=verbs-b", "TAGS=node_exporter", CHANGE)
    assert "--log.level=warn" in shown and "changed=1" in shown
    assert (process(at("verbs-b"), "node_exporter"), current("verbs-b", "node_exporter")) == before


@pytest.fixture(scope="module")
def deployed() -> Iterator[str]:
    """A change of node_exporter on verbs-b, by deploy, and gone at the end; what deploy printed."""
    yield succeed("deploy", "HOST=verbs-b", "TAGS=node_exporter", CHANGE)
    succeed("rollback", "SERVICE=node_exporter", "HOST=verbs-b", "LIFT=1")
    succeed("deploy", "HOST=verbs-b", "TAGS=node_exporter")


def test_deploy_makes_the_change_and_proves_it(deployed):
    assert "changed=1" in deployed
    assert "verbs-b  node_exporter  answers   ok     ready" in deployed
    assert "--log.level=warn" in at("verbs-b").check_output("cat /opt/obs/node_exporter/current/run.env")


def test_history_and_rollback(deployed):
    newest, older = rows(succeed("history", "SERVICE=node_exporter", "HOST=verbs-b"))[:2]
    assert newest[-1] == "current" and older[-1] == "committed"
    told = succeed("rollback", "SERVICE=node_exporter", "HOST=verbs-b", f"TO={older[1]}", "BY=the night shift")
    assert f"generation {older[1]}; held" in " ".join(told.split())
    assert current("verbs-b", "node_exporter") == older[1]
    (row,) = rows(succeed("status", "HOST=verbs-b"))
    assert " ".join(row).endswith(f"(generation {newest[1]})") and "held by the night shift since" in " ".join(row)


def test_rollback_to_what_is_not_there():
    answer = verb("rollback", "SERVICE=node_exporter", "HOST=verbs-b", "TO=77")
    assert answer.returncode == 2
    (cause,) = causes(answer)
    assert cause.startswith("Cause: verbs-b: Could not ") and "77" in cause


def test_logs_of_several_hosts():
    lines = succeed("logs", "SERVICE=node_exporter", "FOLLOW=0", "LINES=2").splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["verbs-a"] * 2 + ["verbs-b"] * 2
    assert all("node_exporter[" in line for line in lines)


def test_logs_follow_until_interrupted(host):
    following = subprocess.Popen(
        command("logs", "SERVICE=prometheus", "LINES=1"),
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert following.stdout and following.stderr
    try:
        assert "prometheus[" in following.stdout.readline()
        # It prints this when it is told to reload.
        host.check_output("systemctl kill --signal=HUP --kill-whom=main prometheus")
        assert next((line for line in following.stdout if "Loading configuration file" in line), "")
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 0, following.stderr.read()
    finally:
        following.kill()
    wait_for("end of journalctl", lambda: host.run("pgrep -x journalctl").rc != 0, seconds=10)


def test_health_is_proven():
    table = succeed("health", "WAIT=60")
    assert "verbs-b  node_exporter  answers" in table and "WRONG" not in table


def test_health_names_what_is_wrong():
    at("verbs-b").check_output("systemctl stop node_exporter")
    try:
        answer = verb("health", "WAIT=0")
        assert answer.returncode == 2
        assert any(cause.startswith("Cause: verbs-b node_exporter answers: ") for cause in causes(answer))
        (row,) = rows(succeed("status", "HOST=verbs-b"))
        assert row[5] == "stopped"
    finally:
        at("verbs-b").check_output("systemctl start node_exporter")


@pytest.mark.parametrize("name", ["plan", "deploy"])
def test_a_broken_configuration_changes_nothing_and_is_named(host, name: str):
    before = process(host, "prometheus"), current("verbs-a", "prometheus")
    answer = verb(name, "TAGS=prometheus", BROKEN)
    assert answer.returncode == 2
    (cause,) = causes(answer)
    assert cause.startswith("Cause: verbs-a: Could not ") and "globl" in cause
    assert (process(host, "prometheus"), current("verbs-a", "prometheus")) == before
    assert get(host, "http://127.0.0.1:9090/-/ready").status == 200


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("plan", []),
        ("deploy", []),
        ("status", []),
        ("history", ["SERVICE=prometheus"]),
        ("rollback", ["SERVICE=prometheus"]),
        ("logs", ["SERVICE=prometheus", "FOLLOW=0"]),
        ("logs", ["SERVICE=prometheus"]),
        ("health", ["WAIT=0"]),
    ],
)
def test_a_host_that_is_down_is_named(with_one_down: Path, name: str, words: list[str]):
    answer = verb(name, f"HOST={DOWN}", *words, env=with_one_down)
    assert answer.returncode in (1, 2, 4), answer.stdout
    assert any(DOWN in cause for cause in causes(answer))
    assert "Traceback" not in answer.stderr


def test_a_host_that_is_down_does_not_hide_the_others(with_one_down: Path):
    answer = verb("status", env=with_one_down)
    assert answer.returncode == 2
    assert [row[0] for row in rows(answer.stdout)] == ["verbs-a"] * 3 + ["verbs-b", DOWN]
    assert "obs-no-such-container" in answer.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", ["history", "rollback", "logs"])
def test_an_unknown_service_is_named(name: str):
    answer = verb(name, "SERVICE=promtheus")
    assert answer.returncode == 2
    (cause,) = causes(answer)
    assert "does not know the service 'promtheus'" in cause and "prometheus, alertmanager, node_exporter" in cause


def test_a_service_that_runs_elsewhere_is_told_where():
    answer = verb("history", "SERVICE=prometheus", "HOST=verbs-b")
    assert answer.returncode == 2
    assert causes(answer)[0].endswith("prometheus does not run on verbs-b. It runs on verbs-a.")


def test_through_make_it_is_the_same():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    for env, code, words in ((INVENTORY, 0, "verbs-b  node_exporter"), ("nope", 2, "There are: ec2, ha, local")):
        answer = subprocess.run(
            ["make", "status", f"ENV={env}"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == code
        assert words in answer.stdout + answer.stderr
