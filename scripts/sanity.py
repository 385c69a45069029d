#!/usr/bin/env python3
"""`ansible-test sanity` on a copy of the collection; its counts go to the junit file $OBS_JUNIT names.

ansible-test builds virtual environments of its own and wants pip's bootstrap script from a server that many machines
cannot reach, so a script that uses Python's own copy of pip is laid where it looks first. It runs with a home of its
own in $OBS_CACHE, so nothing of the user's is touched. Ends with 77 and the reason where it cannot run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.lab import paths, results

CANNOT_RUN = 77
MINORS = range(8, 15)
BOOTSTRAP = '''"""Stands in for get-pip.py: installs the pip that Python carries."""
import ensurepip

ensurepip.bootstrap(default_pip=True)
'''
# What ansible-test says when the machine, not the collection, is at fault.
OF_THE_MACHINE = (
    "Download failed",
    "does not have pip available",
    "Could not find a version",
    "No matching distribution",
    "Network is unreachable",
)


def home() -> Path:
    """A home for ansible-test, with the bootstrap script in every name it might ask for."""
    folder = paths.cache() / "sanity"
    cache = folder / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in bootstrap_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(BOOTSTRAP)
    return folder


def bootstrap_versions() -> list[str]:
    """The pip versions whose bootstrap script this ansible-test may ask for, read from its own source."""
    spec = importlib.util.find_spec("ansible_test")
    assert spec is not None and spec.submodule_search_locations is not None
    source = Path(spec.submodule_search_locations[0]) / "_internal" / "python_requirements.py"
    return sorted(set(re.findall(r"\bpip='([\d.]+)'", source.read_text())))


def search_path(folder: Path) -> str:
    """A PATH on which every python3.N that is found also runs.

    ansible-test tests with each version it finds, and gives up at one that does not start: a version manager's shim
    for a version that is not chosen. Such folders are left out, and the versions that are installed are linked.
    """
    links = folder / "bin"
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    places = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    managed = sorted((Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions").glob("*/bin"))
    broken = set()
    for minor in MINORS:
        name = f"python3.{minor}"
        for place in [*places, *managed]:
            if not (place / name).exists():
                continue
            if subprocess.run([place / name, "-c", ""], capture_output=True, check=False).returncode != 0:
                broken.add(place)
            elif not (links / name).exists():
                (links / name).symlink_to((place / name).resolve() if place in managed else place / name)
    return os.pathsep.join(str(entry) for entry in [links, *places] if entry not in broken)


def environment(folder: Path) -> dict[str, str]:
    """The user's environment with another home, and with pip's settings of the real one."""
    result = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": search_path(folder)}
    for place in (Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if place.exists():
            result.setdefault("PIP_CONFIG_FILE", str(place))
    return result


def copy_collection(folder: Path) -> Path:
    """Copy what ships below a folder: ansible-test writes beside what it tests, and a checkout may change meanwhile."""
    target = folder / "ansible_collections" / "obs" / "stack"
    shutil.copytree(paths.COLLECTION, target, ignore=shutil.ignore_patterns("__pycache__", "output", "*.tar.gz"))
    return target


def follow(command: list[str], collection: Path) -> tuple[int, list[str]]:
    """Run ansible-test in a collection, passing its output on; returns its exit code and the lines."""
    lines = []
    with subprocess.Popen(
        command,
        cwd=collection,
        env=environment(home()),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
        return process.wait(), lines


def main() -> int:
    """Run it; returns the exit code."""
    program = Path(sys.executable).parent / "ansible-test"
    if not program.exists():
        print("ansible-test is not in the virtual environment")
        return CANNOT_RUN
    with tempfile.TemporaryDirectory(prefix="obs-sanity-") as scratch:
        collection = copy_collection(Path(scratch))
        command = [str(program), "sanity", "--color", "no", "--junit", "--requirements", *sys.argv[1:]]
        code, lines = follow(command, collection)
        junit = collection / "tests" / "output" / "junit"
        if code != 0 and not list(junit.glob("*.xml")):
            reason = next((line for line in lines if any(word in line for word in OF_THE_MACHINE)), "")
            if reason:
                print(f"ansible-test cannot build its environments here: {reason.strip()[:160]}")
                return CANNOT_RUN
        if os.environ.get("OBS_JUNIT"):
            results.join_junit(junit, Path(os.environ["OBS_JUNIT"]))
    return code


if __name__ == "__main__":
    sys.exit(main())
