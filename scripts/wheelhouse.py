#!/usr/bin/env python3
"""Packs a Python project of this repository as a wheelhouse: its wheel, those it needs by their hashes, and pip's.

    python -m scripts.wheelhouse <project> --output <folder> [--python 3.11 …] [--arch amd64 …]

One archive per architecture holds the wheels for all the interpreters, and requirements.lock with a hash for each. Only
the project's own wheel is built here; the others come from the index, for the target and not for this machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.lab import packing, paths

PROJECTS = paths.PROJECTS
PYTHONS = ("3.11", "3.13")  # Debian 12 and 13
PLATFORMS = {
    "amd64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "arm64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
}
LOCK = "requirements.lock"


class Unpackable(Exception):
    """A wheelhouse could not be made; str() says of what and why."""


def version(project: Path) -> str:
    """The project's version, from its pyproject.toml."""
    found = re.search(r'^version = "([^"]+)"$', (project / "pyproject.toml").read_text(), re.MULTILINE)
    if not found:
        raise Unpackable(f"{project.name}/pyproject.toml tells no version")
    return found[1]


def wheels(
    project: Path, pythons: tuple[str, ...], arch: str, folder: Path, numbered: str = ""
) -> dict[str, Path | bytes]:
    """Members of the archive. numbered: see pack(). Raises Unpackable."""
    own, foreign = folder / "own", folder / "foreign"
    # From a copy: a build leaves its traces beside the sources.
    shutil.copytree(project, folder / "source", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    told = numbered or version(project)
    for path in (folder / "source" / "pyproject.toml", *folder.glob("source/src/*/__init__.py")):
        path.write_text(path.read_text().replace(f'= "{version(project)}"', f'= "{told}"'))
    _pip("build the wheel", project, "wheel", "--no-deps", "--wheel-dir", str(own), str(folder / "source"))
    for python in pythons:
        tag = python.replace(".", "")
        target = ["--python-version", python, "--implementation", "cp"]
        for abi in (f"cp{tag}", "abi3", "none"):
            target += ["--abi", abi]
        for platform in PLATFORMS[arch]:
            target += ["--platform", platform]
        locks = ["-r", str(project / LOCK), "-r", str(project / "pip.lock")]
        rules = ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--dest", str(foreign)]
        _pip(f"get the wheels for Python {python}", project, "download", *rules, *target, *locks)
    built = next(iter(own.glob("*.whl")))
    name = built.name.split("-")[0].replace("_", "-")
    line = f"{name}=={told} --hash=sha256:{packing.sha256(built)}\n"
    members: dict[str, Path | bytes] = {LOCK: ((project / LOCK).read_text() + line).encode()}
    members.update({f"wheels/{path.name}": path for path in [built, *foreign.glob("*.whl")]})
    return members


def _pip(what: str, project: Path, *arguments: str) -> None:
    # One time in every archive: the same sources give the same wheel.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1704067200"}
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", arguments[0], "--quiet", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.strip().splitlines()[-1:]
        raise Unpackable(f"could not {what} of {project.name}: {' '.join(last)[:300]}")


def pack(project: Path, pythons: tuple[str, ...], arch: str, target: Path, numbered: str = "") -> None:
    """Write the archive of one architecture.

    Args:
        project: folder of the sources.
        pythons: interpreters, such as 3.11.
        arch: in Go's names.
        target: file to write.
        numbered: call it by another version than its sources do, for tests of an upgrade.

    Raises:
        Unpackable: with the reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        packing.pack(target, "", wheels(project, pythons, arch, Path(folder), numbered))


def main() -> int:
    """Pack what the arguments name; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("project", choices=sorted(PROJECTS))
    options.add_argument("--output", type=Path, required=True, help="folder for the archives and sha256sums.txt")
    options.add_argument("--python", action="append", help=f"default: {' '.join(PYTHONS)}")
    options.add_argument("--arch", action="append", choices=sorted(PLATFORMS), help="default: amd64")
    arguments = options.parse_args()
    project, digests = PROJECTS[arguments.project], {}
    for arch in arguments.arch or ["amd64"]:
        archive = arguments.output / f"obs-{arguments.project}-{version(project)}-linux-{arch}.tar.gz"
        try:
            pack(project, tuple(arguments.python or PYTHONS), arch, archive)
        except Unpackable as error:
            print(f"wheelhouse: {error}", file=sys.stderr)
            return 1
        digests[archive.name] = packing.sha256(archive)
        print(f"{digests[archive.name]}  {archive}")
    packing.write_sums(arguments.output / "sha256sums.txt", digests)
    return 0


if __name__ == "__main__":
    sys.exit(main())
