"""The projects that ship in roles are tested in environments of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import projects
from scripts.lab import paths, results


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one test, in the interpreter of these tests."""
    for lock in projects.LOCKS:
        (tmp_path / "it" / lock).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "it" / lock).write_text(lock)
    monkeypatch.setattr(paths, "PROJECTS", {"it": tmp_path / "it"})
    monkeypatch.setattr(projects, "environment", lambda name, folder: Path(sys.executable))
    monkeypatch.setenv("OBS_JUNIT_FOLDER", str(tmp_path / "junit"))
    return tmp_path / "it"


@pytest.mark.parametrize(("body", "code", "failed"), [("assert True", 0, 0), ("assert False", 1, 1)])
def test_its_tests_decide(project: Path, tmp_path: Path, body: str, code: int, failed: int) -> None:
    (project / "tests" / "test_it.py").write_text(f"def test_it():\n    {body}\n")
    assert projects.main() == code
    assert results.read_junit(tmp_path / "junit" / "it.xml").failed == failed


@pytest.mark.parametrize("lock", projects.LOCKS)
def test_a_changed_lock_wants_another_environment(project: Path, lock: str) -> None:
    before = projects.wanted(project)
    (project / lock).write_text("another")
    assert projects.wanted(project) != before


def test_what_cannot_be_had_is_skipped_with_its_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str, folder: Path) -> Path:
        raise OSError("no network")

    monkeypatch.setattr(projects, "environment", refuse)
    assert projects.main() == projects.CANNOT_RUN
    assert "the packages of it cannot be had here: no network" in capsys.readouterr().out
