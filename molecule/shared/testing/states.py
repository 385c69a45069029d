"""What the fault tests share: two states of one Prometheus, and runs that end where a test says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml

PHASE_FILE = Path("ansible_collections/obs/stack/plugins/module_utils/_phase.py")

# Stands in for _phase.py in a copy of the collection, never in the collection: ends the host half where /run says.
KILLING_PHASE = """
from __future__ import annotations
import os, signal, time
SWITCH = "/run/obs-test-phase"
def phase(name: str) -> None:
    try:
        with open(SWITCH, encoding="ascii") as handle:
            verb, _, wanted = handle.read().strip().partition(" ")
    except FileNotFoundError:
        return
    if wanted != name:
        return
    os.unlink(SWITCH)
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    with open("/run/obs-test-paused", "w", encoding="ascii") as handle:
        handle.write(str(os.getpid()))
    while os.path.exists("/run/obs-test-paused"):
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class State:
    """One wish for Prometheus, told apart from another by version and by an external label."""

    version: str
    marker: str

    @property
    def variables(self) -> dict[str, Any]:
        """As a role's variables: release, configuration, unit, argv and live files all differ between two states."""
        return {
            "prometheus_version": self.version,
            "prometheus_external_labels": {"marker": self.marker, "replica": "a"},
            "prometheus_limits": {"LimitNOFILE": 65536 if self.marker == "old" else 65537},
            "prometheus_flags": {"query.max-concurrency": 20 if self.marker == "old" else 21},
            "prometheus_file_sd": {"extra": [{"targets": ["127.0.0.1:9090"], "labels": {"marker": self.marker}}]},
        }


OLD = State("3.13.4", "old")
NEW = State("3.13.5", "new")


@pytest.fixture(scope="session")
def killing_collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the collection whose phases can end the process."""
    folder = tmp_path_factory.mktemp("collections")
    source = lab.PROJECT / "collections" / "ansible_collections" / "obs"
    shutil.copytree(source, folder / "ansible_collections" / "obs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / PHASE_FILE).write_text(KILLING_PHASE)
    return folder


@pytest.fixture
def run_until(host: Any, killing_collections: Path) -> Callable[..., lab.Run]:
    """Converge a state with the host half killed (or paused) at a phase."""

    def run(verb: str, phase: str, variables: dict[str, Any]) -> lab.Run:
        host.run_test(f"echo '{verb} {phase}' > /run/obs-test-phase")
        return lab.converge(variables, environment={"ANSIBLE_COLLECTIONS_PATH": str(killing_collections)})

    return run


def observed(host: Any) -> State:
    """What the running Prometheus says of itself, asked until it answers."""

    def ask() -> State | None:
        build = lab.get(host, "http://127.0.0.1:9090/api/v1/status/buildinfo")
        config = lab.get(host, "http://127.0.0.1:9090/api/v1/status/config")
        if build.status != 200 or config.status != 200:
            return None
        labels = yaml.safe_load(config.json["data"]["yaml"])["global"].get("external_labels", {})
        return State(build.json["data"]["version"], labels.get("marker", ""))

    return lab.wait_for("answer of Prometheus", ask, 60)


def info(host: Any) -> dict[str, Any]:
    """What release_service_info says of Prometheus."""
    answer = lab.converge(playbook="info.yml")
    assert answer.code == 0, answer.output
    return next(result["services"][0] for _task, _host, result in answer.tasks if "services" in result)


def reboot(host: Any) -> None:
    """Restart the machine and wait until systemd has started everything."""
    name = host.backend.get_hostname()
    subprocess.run(["docker", "restart", "--time", "30", name], check=True, capture_output=True)
    lab.wait_for(
        "running system",
        lambda: host.run("systemctl is-system-running").stdout.strip() in ("running", "degraded"),
        60,
    )


@pytest.fixture
def old(host: Any) -> State:
    """The host in the OLD state, proven."""
    run = lab.converge(OLD.variables)
    assert run.code == 0, run.errors or run.output
    assert observed(host) == OLD
    return OLD


@pytest.fixture
def present(host: Any) -> State:
    """The state the host is in; OLD is made when it is in none."""
    if host.service("prometheus").is_running:
        found = observed(host)
        if found in (OLD, NEW):
            return found
    run = lab.converge(OLD.variables)
    assert run.code == 0, run.errors or run.output
    return OLD


def other(state: State) -> State:
    """The state that is not this one."""
    return NEW if state == OLD else OLD


def samples(host: Any) -> int:
    """How many samples of one series the data folder has."""

    def count() -> int:
        found = lab.query(host, 'count_over_time(up{job="prometheus"}[3h])')
        return int(found[0]["value"][1]) if found else 0

    return int(lab.wait_for("sample", count))


def assert_converges(host: Any, state: State) -> lab.Run:
    """The next good run converges, and the one after it has nothing to do."""
    healing = lab.converge(state.variables)
    assert healing.code == 0, healing.errors or healing.output
    assert observed(host) == state
    again = lab.converge(state.variables)
    assert (again.code, again.changed) == (0, 0), again.results("prometheus")
    return healing
