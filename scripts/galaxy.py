#!/usr/bin/env python3
"""Holds the collection against Galaxy's own importer, as a publication would be.

The importer wants older linters than the repository, so it has a virtual environment of its own in $OBS_CACHE. Ends
with 1 when it refuses the archive or logs an error, with 77 and the reason where it cannot be installed. Warnings are
shown and decide nothing: most are of rules that .ansible-lint decides otherwise.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.lab import paths
from scripts.sanity import CANNOT_RUN, OF_THE_MACHINE, copy_collection

IMPORTER = "galaxy-importer==0.4.44"
# Galaxy demands an address of the sources. The repository has none yet; what is judged gets one that is reserved.
NO_ADDRESS = "https://git.example.com/obs/stack"


def requirements() -> list[str]:
    """What to install: the importer, with the ansible-core and ansible-lint of the repository."""
    pinned = re.findall(r"^(ansible-(?:core|lint)==\S+)", (paths.ROOT / "requirements.txt").read_text(), re.MULTILINE)
    return [IMPORTER, *pinned]


def environment() -> Path:
    """The importer's virtual environment, made or brought up to date; the folder with its programs.

    Raises:
        OSError: it cannot be installed here; the text is pip's last line.
    """
    folder = paths.cache() / "galaxy-importer"
    mark = folder / "requirements"
    wanted = "\n".join(requirements())
    if not mark.exists() or mark.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *requirements()], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            reason = next((line for line in lines if any(word in line for word in OF_THE_MACHINE)), "pip failed")
            raise OSError(reason)
        mark.write_text(wanted)
    return folder / "bin"


def with_address(metadata: str) -> str:
    """A galaxy.yml with the address of its sources that Galaxy demands."""
    if re.search(r"^repository:", metadata, re.MULTILINE):
        return metadata
    return f"{metadata}repository: {NO_ADDRESS}\n"


def build(folder: Path) -> Path:
    """The archive of a copy of the collection."""
    source = copy_collection(folder)
    metadata = source / "galaxy.yml"
    metadata.write_text(with_address(metadata.read_text()))
    program = Path(sys.executable).parent / "ansible-galaxy"
    subprocess.run([program, "collection", "build", source, "--output-path", folder], check=True, capture_output=True)
    return next(folder.glob("*.tar.gz"))


def errors(lines: list[str]) -> list[str]:
    """The errors among what the importer logged; its linters' errors come as warnings."""
    return [line for line in lines if line.startswith("ERROR:")]


def main() -> int:
    """Build, import, tell; returns the exit code."""
    try:
        programs = environment()
    except OSError as error:
        print(f"galaxy-importer cannot be installed here: {str(error)[:160]}")
        return CANNOT_RUN
    with tempfile.TemporaryDirectory(prefix="obs-galaxy-") as scratch:
        archive = build(Path(scratch))
        done = subprocess.run([programs / "python", "-m", "galaxy_importer.main", archive], cwd=scratch, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"})
    lines = done.stdout.splitlines()
    print("\n".join(line for line in lines if line.startswith(("WARNING:", "ERROR:"))))
    found = errors(lines)
    print(f"{IMPORTER}: {len(found)} errors, exit code {done.returncode}")
    return 1 if found or done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
