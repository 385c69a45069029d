# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as roles get it: packed like upstream's archive, with a grafana.ini and provisioning files."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.lab import packing
from tests.grafana.servers import PATIENCE, SIMULATOR, Api, free_port, ready

VERSION = "13.2.3"


class Installation:
    """A folder with a release, its settings and data."""

    def __init__(self, folder: Path, version: str = VERSION) -> None:
        self.folder = folder
        self.release = folder / f"grafana-{version}"
        self.program = self.release / "bin" / "grafana"
        self.boards = folder / "boards"
        self.port = free_port()
        self.program.parent.mkdir(parents=True)
        (self.release / "conf").mkdir()
        self.program.write_bytes(packing.python_program(SIMULATOR, {"@version@": version}))
        self.program.chmod(0o755)
        (self.release / "conf" / "defaults.ini").write_bytes((SIMULATOR / "defaults.ini").read_bytes())
        (folder / "password").write_text("canary-first\n")
        self.boards.mkdir()
        self.settings({})

    def settings(self, more: dict[str, dict[str, str]]) -> None:
        """Write grafana.ini."""
        base = {
            "paths": {"data": f"{self.folder}/data", "provisioning": f"{self.folder}/provisioning"},
            "server": {"http_addr": "127.0.0.1", "http_port": str(self.port)},
            "security": {"admin_user": "root", "admin_password": f"$__file{{{self.folder}/password}}"},
        }
        for section, keys in more.items():
            base.setdefault(section, {}).update(keys)
        lines = [
            line
            for section, keys in base.items()
            for line in (f"[{section}]", *(f"{key} = {value}" for key, value in keys.items()))
        ]
        (self.folder / "grafana.ini").write_text("\n".join(lines) + "\n")

    def provision(self, kind: str, document: dict[str, Any]) -> None:
        """Write a provisioning file."""
        path = self.folder / "provisioning" / kind / "obs.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"apiVersion": 1, **document}, sort_keys=False))

    def call(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return subprocess.run(
            [self.program, *words], input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    @property
    def places(self) -> list[str]:
        """The options that every command takes."""
        return ["--homepath", str(self.release), "--config", str(self.folder / "grafana.ini")]

    @contextlib.contextmanager
    def running(self, password: str = "canary-first", **environment: str) -> Iterator[Api]:
        """The server, as the administrator."""
        process = subprocess.Popen(
            [self.program, "server", *self.places],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield ready(Api(f"http://127.0.0.1:{self.port}", "root", password), process)
            finally:
                process.terminate()
                process.wait(PATIENCE)
