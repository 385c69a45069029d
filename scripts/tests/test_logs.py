"""Following journals: how each host is reached, prefixes, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import logs

ROOT = Path(__file__).resolve().parents[2]
JOURNAL = ["journalctl", "--unit=loki", "--follow"]


def place(**variables: Any) -> tuple[str, ...]:
    return logs.place_of("app-1", variables, JOURNAL, ["-o", "A=b"]).command


def test_ssh_takes_the_variables_of_the_host_before_the_settings_of_all() -> None:
    command = place(ansible_host="10.0.0.1", ansible_port=2222, ansible_user="me", ansible_ssh_common_args="-J jump")
    assert command[:10] == ("ssh", "-T", "-o", "BatchMode=yes", "-p", "2222", "-l", "me", "-J", "jump")
    assert command[10:14] == ("-o", "A=b", "--", "10.0.0.1")
    assert "sudo -n" in command[14]


@pytest.mark.parametrize(
    ("connection", "start"),
    [
        ("community.docker.docker", ("docker", "exec", "--interactive", "--user", "0", "app-1")),
        ("containers.podman.podman", ("podman", "exec", "--interactive", "--user", "0", "app-1")),
        ("local", ("sh", "-c")),
    ],
)
def test_other_connections(connection: str, start: tuple[str, ...]) -> None:
    assert place(ansible_connection=connection)[: len(start)] == start


def test_a_connection_that_cannot_be_followed_is_named() -> None:
    with pytest.raises(logs.Refused, match=r"app-1 is reached by 'aws_ssm', which cannot be followed\. Give FOLLOW=0"):
        place(ansible_connection="community.aws.aws_ssm")


def test_templates_of_connection_variables_are_filled_in() -> None:
    found = logs.rendered({"ansible_host": "{{ prefix }}.example.com", "prefix": "a", "ansible_port": 22})
    assert found == {"ansible_host": "a.example.com", "ansible_port": 22}


def test_groups_hold_the_hosts_of_their_children() -> None:
    document = {"a": {"children": ["b"], "hosts": ["x"]}, "b": {"hosts": ["y"]}}
    assert logs.hosts_of(document, "a") == ["x", "y"]
    assert logs.hosts_of(document, "nothing") == []


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Programs of a machine whose ssh runs the command here, and whose journalctl speaks once and stays."""
    programs = {
        # As over a network: ending the client does not end the command.
        "ssh": 'bash -c "${!#}" <&0 & wait $!',
        "sudo": 'shift; exec "$@"',
        "journalctl": f'echo $$ >>{tmp_path}/pids; echo "said by $$ with $*"; exec sleep 300',
    }
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    (tmp_path / "hosts.yml").write_text("monitored: {hosts: {app-1: {ansible_host: 192.0.2.1}, b: {}}}\n")
    return tmp_path


def start(machine: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scripts.verb", "logs", f"ENV={machine}/hosts.yml", *words]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PATH": f"{machine}/bin:{os.environ['PATH']}"},
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(what: str, question: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(params=[signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "behind"])
def shell(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a shell gives to a command: one that it starts behind ignores SIGINT from the start."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_and_what_it_started_on_the_hosts(machine: Path, how: signal.Signals) -> None:
    process = start(machine, "SERVICE=node_exporter", "LINES=3")
    assert process.stdout and process.stderr
    lines = sorted(process.stdout.readline() for _host in range(2))
    pids = [int(line) for line in (machine / "pids").read_text().split()]
    assert len(pids) == 2 and all(alive(pid) for pid in pids)
    process.send_signal(how)
    assert process.wait(20) == 0, process.stderr.read()
    wait_until("journalctl is gone", lambda: not any(alive(pid) for pid in pids))
    assert [line.split(" | ")[0] for line in lines] == ["app-1", "b    "]
    assert all("--unit=node_exporter" in line and "--lines=3 --follow" in line for line in lines)
    assert "Traceback" not in process.stderr.read()


def test_a_reader_that_has_enough_ends_it(machine: Path) -> None:
    (machine / "bin" / "journalctl").write_text("#!/bin/bash\nwhile echo line; do sleep 0.05; done\n")
    process = start(machine, "SERVICE=node_exporter")
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 0
    assert "Traceback" not in process.stderr.read()


def test_a_host_that_cannot_be_followed_is_told_with_its_last_words(machine: Path) -> None:
    (machine / "bin" / "ssh").write_text("#!/bin/bash\necho 'ssh: connect: Connection refused' >&2; exit 255\n")
    process = start(machine, "SERVICE=node_exporter", "HOST=app-1")
    _out, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.splitlines()[-1] == "Cause: app-1: ssh: connect: Connection refused"


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["SERVICE=prom"], "the stack does not know the service 'prom'"),
        (["SERVICE=prometheus"], "no host of the inventory is in the group prometheus"),
        (["SERVICE=node_exporter", "LINES=many"], "lines is 'many', which is no number"),
    ],
)
def test_what_cannot_be_followed_is_refused(machine: Path, words: list[str], cause: str) -> None:
    process = start(machine, *words)
    _out, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert cause in error.splitlines()[-1]
