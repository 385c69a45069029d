"""The run of Galaxy's importer: what it installs, what it is given, what it calls an error."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts import galaxy


def test_importer_comes_with_the_versions_of_the_repository() -> None:
    names = [line.partition("==")[0] for line in galaxy.requirements()]
    assert names == ["galaxy-importer", "ansible-core", "ansible-lint"]


def test_an_address_is_added_where_there_is_none() -> None:
    assert galaxy.with_address("name: x\n") == f"name: x\nrepository: {galaxy.NO_ADDRESS}\n"
    there = "name: x\nrepository: https://git.example.com/mine\n"
    assert galaxy.with_address(there) == there


def test_the_archive_is_the_collection_with_an_address(tmp_path: Path) -> None:
    with tarfile.open(galaxy.build(tmp_path)) as tar:
        manifest = tar.extractfile("MANIFEST.json")
        assert manifest is not None
        assert galaxy.NO_ADDRESS.encode() in manifest.read()


def test_only_errors_are_errors() -> None:
    assert galaxy.errors(["WARNING: ERROR x", "ERROR: y", "fine"]) == ["ERROR: y"]


@pytest.mark.parametrize(("answer", "code", "expected"), [
    ("WARNING: x\n", 0, 0), ("ERROR: x\n", 0, 1), ("", 1, 1),
])
def test_errors_and_refusals_fail(
    answer: str, code: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galaxy, "environment", lambda: tmp_path)
    monkeypatch.setattr(galaxy, "build", lambda folder: folder / "x.tar.gz")
    done: Any = subprocess.CompletedProcess([], code, answer)
    monkeypatch.setattr(galaxy.subprocess, "run", lambda *_args, **_kwargs: done)
    assert galaxy.main() == expected


def test_a_machine_without_it_skips_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(galaxy.paths, "cache", lambda: tmp_path)
    failed: Any = subprocess.CompletedProcess([], 1, "", "x\nERROR: No matching distribution found for it\n")
    monkeypatch.setattr(galaxy.subprocess, "run", lambda *_args, **_kwargs: failed)
    assert galaxy.main() == galaxy.CANNOT_RUN
    assert "No matching distribution" in capsys.readouterr().out
    assert not (tmp_path / "galaxy-importer" / "requirements").exists()
