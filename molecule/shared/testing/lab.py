"""What the scenarios' tests share. Molecule loads it into pytest as a plugin (.config/molecule/config.yml)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

SCENARIO = Path(os.environ.get("MOLECULE_SCENARIO_DIRECTORY", "."))
INVENTORY = Path(os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY", "."), "inventory")
PROJECT = Path(os.environ.get("MOLECULE_PROJECT_DIRECTORY", "."))
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "obs-stack"
STORE = Path(os.environ.get("OBS_STORE") or Path(os.environ.get("OBS_CACHE") or _CACHE) / "store")


@dataclass
class Run:
    """One ansible-playbook run. stats: host -> counts; tasks: (task, host, result) in order."""

    code: int
    stats: dict[str, dict[str, int]]
    tasks: list[tuple[str, str, dict[str, Any]]] = field(repr=False)
    output: str = field(repr=False)

    @property
    def changed(self) -> int:
        """Changed tasks on all hosts."""
        return sum(row["changed"] for row in self.stats.values())

    @property
    def failed(self) -> int:
        """Failed tasks and unreachable hosts."""
        return sum(row["failures"] + row["unreachable"] for row in self.stats.values())

    def results(self, service: str, host: str = "") -> list[dict[str, Any]]:
        """What release_service returned for a service, one result per host (of one host, if named)."""
        return [
            result
            for _task, name, result in self.tasks
            if result.get("action") is not None
            and result.get("name", result.get("service")) == service
            and host in ("", name)
        ]

    @property
    def errors(self) -> str:
        """Messages of all failed tasks."""
        return "\n".join(str(result.get("msg", "")) for _task, _host, result in self.tasks if result.get("failed"))


def converge(
    variables: dict[str, Any] | None = None,
    *,
    playbook: str | Path = "converge.yml",
    arguments: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
) -> Run:
    """Run a playbook of the scenario (default: its converge.yml) on the scenario's hosts, with extra variables.

    Never raises for a failed run: the caller judges Run.code, .changed, .failed, .errors.
    """
    command = ["ansible-playbook", "--inventory", str(INVENTORY), *arguments]
    if variables:
        command += ["--extra-vars", json.dumps(variables)]
    command.append(str(SCENARIO / playbook))
    answer = subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            **(environment or {}),
        },
    )
    return _parse(answer.returncode, answer.stdout, answer.stderr)


def _parse(code: int, stdout: str, stderr: str) -> Run:
    """Read the JSON callback's document; what is no JSON (a usage error, say) is kept as output."""
    start = stdout.find("{\n")
    try:
        document, _end = json.JSONDecoder().raw_decode(stdout[start:]) if start >= 0 else ({}, 0)
    except ValueError:
        document = {}
    tasks = [
        (task["task"]["name"], host, result)
        for play in document.get("plays", [])
        for task in play["tasks"]
        for host, result in task["hosts"].items()
    ]
    return Run(code, document.get("stats", {}), tasks, stdout + stderr)


@dataclass(frozen=True)
class Process:
    """A unit's main process at one moment. pid 0: none. started: systemd's monotonic clock, in microseconds."""

    pid: int
    started: int
    restarts: int


def process(host: Any, unit: str) -> Process:
    """The unit's main process now: two equal values mean that it was neither restarted nor replaced."""
    answer = host.check_output(f"systemctl show -p MainPID -p ExecMainStartTimestampMonotonic -p NRestarts {unit}")
    values = dict(line.split("=", 1) for line in answer.splitlines())
    return Process(int(values["MainPID"]), int(values["ExecMainStartTimestampMonotonic"]), int(values["NRestarts"]))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as the host got it. status 0: no answer, and body is what curl says of that."""

    status: int
    body: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def get(host: Any, url: str, *options: str) -> Answer:
    """GET a URL from the host itself, by curl; options: further arguments of curl."""
    arguments = " ".join(f"'{option}'" for option in options)
    answer = host.run(f"curl -sS --max-time 10 -w '\\n%{{http_code}}' {arguments} '{url}'")
    body, _newline, status = answer.stdout.rpartition("\n")
    return Answer(int(status or 0), body or answer.stderr)


def query(host: Any, promql: str, base: str = "http://127.0.0.1:9090", *options: str) -> list[dict[str, Any]]:
    """The result vector of an instant query."""
    answer = get(host, f"{base}/api/v1/query", "-G", "--data-urlencode", f"query={promql}", *options)
    assert answer.status == 200, f"query {promql}: HTTP {answer.status} {answer.body}"
    return answer.json["data"]["result"]


def wait_for(what: str, question: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask every second until the answer is truthy, and return it; fail naming what was awaited and the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"no {what} after {seconds:.0f} s; last answer: {answer!r}")
        time.sleep(1)


def exposure(host: Any, unit: str) -> float:
    """Overall exposure of a unit in the eyes of `systemd-analyze security`, 0 (sealed) to 10."""
    report = host.check_output(f"systemd-analyze security --no-pager {unit}")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", report)
    assert found, f"systemd-analyze says nothing of {unit}:\n{report}"
    return float(found.group(1))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Where the test runner wants counts, give every verify step of a scenario a junit file of its own."""
    folder = os.environ.get("OBS_JUNIT_FOLDER")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        config.option.xmlpath = str(Path(folder) / f"{len(list(Path(folder).glob('*.xml'))):02}.xml")


@pytest.fixture(scope="session")
def lab() -> dict[str, Any]:
    """The artifact store's obs_lab.yml: obs_mirror, version overrides and obs_lab_components."""
    return yaml.safe_load((STORE / "obs_lab.yml").read_text())
