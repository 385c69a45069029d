"""setup.sh and .ci/run: what is missing is named, an Engine is started where none answers, and only ours is stopped."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNTS = "3 passed, 1 failed, 0 skipped"

# A docker that answers while the daemon of its folder lives, and a daemon that does nothing but live.
DOCKER = '[ -e "{state}/daemon" ] && kill -0 "$(cat "{state}/daemon")" 2>/dev/null'
DOCKERD = 'echo $$ >"{state}/daemon"; exec sleep 300'
REFUSES = "exit 1"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="an Engine is started by root only")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine of stubs: a PATH whose docker, dockerd, systemctl and make are ours."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "state").mkdir()
    for name, text in {
        "docker": DOCKER,
        "dockerd": DOCKERD,
        "systemctl": REFUSES,
        "iptables": "",
        "debootstrap": "",
    }.items():
        write(programs / name, text.replace("{state}", str(tmp_path / "state")))
    return tmp_path


def write(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def call(machine: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{machine / 'bin'}:{os.environ['PATH']}", "OBS_CACHE": str(machine / "cache")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def alive(pid: int) -> bool:
    """The process runs; a zombie waiting for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def stop(machine: Path) -> None:
    pid = int((machine / "state" / "daemon").read_text())
    os.kill(pid, 9)


def test_check_names_a_missing_engine_in_one_line_and_installs_nothing(machine: Path) -> None:
    answer = call(machine, "scripts/setup.sh", "--check")
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "a Docker Engine that answers" in answer.stderr
    assert not (machine / "state" / "daemon").exists()


def test_check_without_docker_does_not_ask_for_an_engine(machine: Path) -> None:
    assert call(machine, "scripts/setup.sh", "--no-docker", "--check").returncode == 0


def test_unknown_option_is_refused(machine: Path) -> None:
    answer = call(machine, "scripts/setup.sh", "--force")
    assert answer.returncode == 2 and "--force" in answer.stderr


@as_root
def test_engine_is_started_once_and_its_pid_kept(machine: Path) -> None:
    first = call(machine, "scripts/setup.sh", "--no-lab")
    try:
        pid = int((machine / "cache" / "engine" / "dockerd.pid").read_text())
        assert alive(pid), first.stdout + first.stderr
        again = call(machine, "scripts/setup.sh", "--no-lab")
        assert again.stdout.strip() == "setup: ready"
        assert int((machine / "cache" / "engine" / "dockerd.pid").read_text()) == pid
    finally:
        stop(machine)


@as_root
def test_engine_that_dies_at_once_is_told_with_its_log(machine: Path) -> None:
    write(machine / "bin" / "dockerd", "echo no iptables here; exit 1")
    answer = call(machine, "scripts/setup.sh", "--no-lab")
    assert answer.returncode == 1
    assert "no iptables here" in answer.stderr and "dockerd.log" in answer.stderr


@as_root
def test_ci_stops_the_engine_it_started_and_closes_with_the_counts(machine: Path) -> None:
    result = ROOT / ".build" / "test" / "result"
    kept = result.read_text() if result.exists() else None
    make = f"mkdir -p .build/test; echo '{COUNTS}' | tee .build/test/result; echo 'make: *** Error 1' >&2; exit 2"
    write(machine / "bin" / "make", make)
    try:
        answer = call(machine, ".ci/run")
        assert answer.returncode == 2
        assert answer.stdout.splitlines()[-1] == COUNTS
        pid = int((machine / "state" / "daemon").read_text())
        deadline = time.monotonic() + 5
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not alive(pid)
    finally:
        if kept is not None:
            result.write_text(kept)


@as_root
def test_ci_leaves_an_engine_that_was_there(machine: Path) -> None:
    write(machine / "bin" / "make", "exit 0")
    call(machine, "scripts/setup.sh", "--no-lab")
    try:
        assert call(machine, ".ci/run").returncode == 0
        assert alive(int((machine / "state" / "daemon").read_text()))
    finally:
        stop(machine)
