# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh host for the benchmark, and what can be seen on it from outside."""

from __future__ import annotations

import subprocess
import time

import docker
import yaml

from scripts.lab import paths

CONTAINER = paths.ROOT / "molecule" / "shared" / "hosts" / "container.yml"


class BenchError(Exception):
    """A measurement that could not be made, told in a line or two."""


class Host:
    """A fresh container with systemd, removed at the end."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Host:
        wanted = yaml.safe_load(CONTAINER.read_text())
        options = wanted["obs_container"]
        command = ["docker", "run", "--detach", "--name", self.name, "--hostname", self.name,
                   "--cgroupns", options["cgroupns_mode"], "--pull", "never"]
        for flag, key in (("--cap-add", "capabilities"), ("--security-opt", "security_opts"), ("--tmpfs", "tmpfs"),
                          ("--volume", "volumes")):
            for value in options[key]:
                command += [flag, value]
        _run([*command, wanted["obs_container_image"], options["command"]])
        for _attempt in range(60):
            state = self.run("systemctl", "is-system-running", check=False)
            if state in ("running", "degraded"):
                return self
            time.sleep(0.5)
        raise BenchError(f"{self.name}: systemd is '{state}' after 30 s. See docker logs {self.name}")

    def __exit__(self, *_exc: object) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def run(self, *command: str, check: bool = True) -> str:
        """Output of a command on the host."""
        return _run(["docker", "exec", self.name, *command], check=check)

    def cpu(self) -> float:
        """Seconds of CPU that everything on the host used so far."""
        stats = docker.from_env().containers.get(self.name).stats(stream=False, one_shot=True)
        return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    def starts(self, service: str) -> int:
        """How often systemd started the service since the host is up."""
        return self._journal(service).count(f"Started {service}.service")

    def loads(self, service: str) -> int:
        """How often the service says that it loaded its configuration (at start and at each reload)."""
        return self._journal(service).count("Completed loading of configuration file")

    def _journal(self, service: str) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", service)


def _run(command: list[str], check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise BenchError(f"{' '.join(command[:6])}…: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
