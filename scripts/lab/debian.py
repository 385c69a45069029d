"""Programs out of Debian's packages, where neither upstream's release nor a Go module can be had.

apt fetches the package as it would for an installation: lists signed by Debian's archive key, the package held against
them. It works in folders of its own, so that any user may, on any release of Debian or Ubuntu.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from scripts.lab import paths
from scripts.lab.catalog import Package
from scripts.lab.upstream import Unobtainable

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PROGRAMS = ("apt-get", "dpkg-deb")


def unpack(package: Package, arch: str, folder: Path) -> dict[str, Path]:
    """Fetch a package and take it apart below a folder. Returns member of our archive -> file. Raises Unobtainable."""
    missing = [name for name in PROGRAMS if not shutil.which(name)] + [str(KEYRING)] * (not KEYRING.exists())
    if missing:
        raise Unobtainable(f"{package.name} of Debian {package.suite}: no {' and no '.join(missing)} on this machine")
    shutil.rmtree(folder, ignore_errors=True)
    tree = folder / "tree"
    tree.mkdir(parents=True)
    apt = _apt(package.suite, arch, folder)
    _run([*apt, "update"], folder)
    _run([*apt, "download", package.name], folder)
    (archive,) = folder.glob("*.deb")
    found = _run(["dpkg-deb", "--field", str(archive), "Version"], folder).strip()
    if upstream_version(found) != package.version:
        raise Unobtainable(
            f"{package.name} of Debian {package.suite} is {found}, the catalogue wants {package.version}"
        )
    _run(["dpkg-deb", "--extract", str(archive), str(tree)], folder)
    shutil.rmtree(folder / "lists", ignore_errors=True)  # tens of megabytes, and old the next time
    return {name: tree / path for name, path in package.members.items()}


def upstream_version(version: str) -> str:
    """Upstream's part of a version of Debian: 0.23.0 of 0.23.0-4+b4."""
    return re.sub(r"-[^-]*$", "", version.partition(":")[2] or version)


def mirror(folder: Path) -> str:
    """The mirror of Debian that apt uses on this machine, '' for none."""
    return _run([str(paths.ROOT / "scripts" / "host-image.sh"), "--mirror"], folder).strip()


def _apt(suite: str, arch: str, folder: Path) -> list[str]:
    """apt-get with sources, lists and cache of its own; proxies and the like stay those of this machine."""
    source = mirror(folder)
    if not source:
        raise Unobtainable("no mirror of Debian among apt's sources on this machine")
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {source} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": arch,
        "APT::Architectures": arch,
    }
    return ["apt-get", "-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]


def _run(command: list[str], folder: Path) -> str:
    """Run a command in a folder; its output. Raises Unobtainable with its last words."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-2:]
        raise Unobtainable(f"{command[0]} {command[-1]}: {' | '.join(words) or 'no word'}")
    return done.stdout
