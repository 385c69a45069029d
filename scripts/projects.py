#!/usr/bin/env python3
"""Runs the tests of the Python projects that ship in roles, each in an environment of what it is locked to.

A project's packages are those of its wheelhouse, not the repository's: a virtual environment per project in $OBS_CACHE
holds requirements.lock and tests/requirements.lock, every package by its hash. Ends with 1 when a test fails, with 77
and the reason where the packages cannot be had.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from scripts.lab import paths
from scripts.sanity import CANNOT_RUN, OF_THE_MACHINE

LOCKS = ("requirements.lock", "tests/requirements.lock")


def wanted(project: Path) -> str:
    """What an environment of the project is made of, in short: it is made anew when that changes."""
    return hashlib.sha256(b"\0".join((project / lock).read_bytes() for lock in LOCKS)).hexdigest()


def environment(name: str, project: Path) -> Path:
    """The project's interpreter, in an environment made or brought up to date.

    Raises:
        OSError: the packages cannot be installed; the text is pip's reason.
    """
    folder = paths.cache() / "projects" / name
    mark, python = folder / "locks", folder / "bin" / "python"
    if mark.exists() and mark.read_text() == wanted(project):
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    for lock in LOCKS:
        command += ["--require-hashes", "-r", str(project / lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        away = next((line for line in lines if any(word in line for word in OF_THE_MACHINE)), "")
        if away:
            raise OSError(away)
        raise SystemExit(f"projects: the locks of {name} cannot be installed: {' '.join(lines[-1:])}")
    mark.write_text(wanted(project))
    return python


def main() -> int:
    """Test every project; returns the exit code."""
    code = 0
    for name, project in sorted(paths.PROJECTS.items()):
        try:
            python = environment(name, project)
        except OSError as error:
            print(f"the packages of {name} cannot be had here: {str(error)[:160]}")
            return CANNOT_RUN
        command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={project}", "tests"]
        if os.environ.get("OBS_JUNIT_FOLDER"):
            command.append(f"--junit-xml={Path(os.environ['OBS_JUNIT_FOLDER']) / name}.xml")
        settings = {**os.environ, "PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        code = max(code, subprocess.run(command, cwd=project, env=settings, check=False).returncode)
    return min(code, 1)


if __name__ == "__main__":
    sys.exit(main())
