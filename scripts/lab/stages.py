"""The stages of a test run: which commands, and what they may take."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from scripts.lab import paths

LOGS = paths.ROOT / ".build" / "test"
SCENARIOS = ("default", "ha", "upgrade", "tls", "adopt", "faults")
_BUDGET = re.compile(r"^# budget: (\d+) minutes\b", re.MULTILINE)


@dataclass(frozen=True)
class Stage:
    """One command. budget in minutes; skip: why it cannot run here; echo: its output is progress to be shown.

    junit: the file with its counts; parts: the folder in which it leaves several files that make that one.
    """

    name: str
    command: tuple[str, ...]
    budget: float
    folder: Path = paths.ROOT
    junit: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    skip: str = ""
    parts: Path | None = None
    echo: bool = False

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return LOGS / f"{self.name.replace(' ', '-')}.log"


def lint() -> list[Stage]:
    """Linters and the secret scan: one pass or failure each."""
    return [
        Stage("ruff", ("ruff", "check"), 0.5),
        Stage("yamllint", ("yamllint", "--strict", "."), 0.5),
        Stage("mypy", ("mypy",), 1.5),
        Stage("secret scan", ("python", "scripts/secret_scan.py"), 0.5),
        Stage("rule lint", ("python", "scripts/rule_lint.py"), 0.5),
        Stage("ansible-lint", ("ansible-lint", "--offline", "--profile", "production"), 2),
    ]


def pytest(name: str, budget: float, *targets: str) -> Stage:
    """A pytest run over folders, with its junit file beside its log."""
    junit = LOGS / f"{name}.xml"
    return Stage(name, ("python", "-m", "pytest", "-q", f"--junit-xml={junit}", *targets), budget, junit=junit)


def tests() -> list[Stage]:
    """Unit tests of the collection, contract tests of the repository, tests of the projects in roles."""
    unit = paths.COLLECTION / "tests" / "unit"
    stages = [pytest("unit", 3, str(unit))] if unit.exists() else []
    own = [folder for folder in ("tests", "scripts/tests") if (paths.ROOT / folder).exists()]
    return [*stages, pytest("contract", 4, *own), projects()]


def projects() -> Stage:
    """The tests of the Python projects that ship in roles, in environments of their own."""
    folder = LOGS / "projects.parts"
    command = ("python", "-m", "scripts.projects")
    settings = {"OBS_JUNIT_FOLDER": str(folder)}
    return Stage("projects", command, 3, junit=LOGS / "projects.xml", parts=folder, environment=settings)


def sanity() -> Stage:
    """ansible-test sanity, on a copy of the collection."""
    command = ("python", "-m", "scripts.sanity")
    return Stage("sanity", command, 6, junit=LOGS / "sanity.xml", environment={"OBS_JUNIT": str(LOGS / "sanity.xml")})


def galaxy() -> Stage:
    """Galaxy's importer on an archive of the collection."""
    return Stage("galaxy-importer", ("python", "-m", "scripts.galaxy"), 4)


def scenario(name: str, keep: bool = False) -> Stage:
    """One molecule scenario, on hosts that are there for it alone."""
    junit, parts = LOGS / f"molecule-{name}.xml", LOGS / f"molecule-{name}.parts"
    destroy = ("--destroy=never",) if keep else ()
    base = str(paths.ROOT / ".config" / "molecule" / "config.yml")
    return Stage(
        f"molecule {name}",
        ("molecule", "--base-config", base, "test", *destroy, "--scenario-name", name),
        budget(name),
        junit=junit,
        parts=parts,
        environment={"OBS_JUNIT_FOLDER": str(parts), "MOLECULE_COMMAND_BORDERS": "0"},
        skip="" if shutil.which("docker") else "no docker command on this machine",
    )


def budget(name: str) -> float:
    """Minutes a scenario may take, from the `# budget: N minutes` of its molecule.yml."""
    match = _BUDGET.search((paths.ROOT / "molecule" / name / "molecule.yml").read_text())
    return float(match.group(1)) if match else 10


def scenarios() -> list[str]:
    """The scenarios that are there: ours in order, then further ones by name."""
    there = {path.parent.name for path in (paths.ROOT / "molecule").glob("*/molecule.yml")}
    return [name for name in SCENARIOS if name in there] + sorted(there - set(SCENARIOS))


def environment(stage: Stage) -> dict[str, str]:
    """The environment of a stage: the virtual environment's commands first."""
    path = f"{paths.ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    plain = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "TERM": "dumb"}
    return {**os.environ, "PATH": path, **plain, **stage.environment}
