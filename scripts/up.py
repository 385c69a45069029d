#!/usr/bin/env python3
"""`make up`: one systemd host in a container, installed by site.yml and proven by verify.yml. `--down` removes it.

The host is the container obs-local of inventories/local; its ports are published on 127.0.0.1 only, under the
numbers that OBS_PORT_GRAFANA, OBS_PORT_THANOS_QUERY and OBS_PORT_DEMO name. Archives come from the artifact store, or
from OBS_MIRROR where it is set. Grafana's password is made at the first run and kept in a file of the inventory that
git ignores. Run again, it continues with the host that is there.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.lab import paths

HOST = "obs-local"
INVENTORY = paths.ROOT / "inventories" / "local"
OVERRIDES = INVENTORY / "group_vars" / "all" / "obs_lab.yml"
SECRETS = INVENTORY / "group_vars" / "all" / "obs_local.yml"
CONTAINER = paths.ROOT / "molecule" / "shared" / "hosts" / "container.yml"


@dataclass(frozen=True)
class Service:
    """A row of the closing table."""

    name: str
    port: int
    shows: str
    path: str = "/"

    @property
    def variable(self) -> str:
        """What names another port on this machine."""
        return f"OBS_PORT_{self.name.upper().replace('-', '_')}"

    @property
    def published(self) -> int:
        """The port on this machine. Raises Stop: the environment names none that there is."""
        value = os.environ.get(self.variable) or str(self.port)
        if not (value.isdigit() and 0 < int(value) < 65536):
            raise Stop(f"{self.variable}={value} is no port: give a number from 1 to 65535, or nothing for {self.port}")
        return int(value)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://127.0.0.1:{self.published}{self.path}"


SERVICES = (
    Service("grafana", 3000, "metrics, logs and traces, each a click from the other"),
    Service("thanos-query", 10904, "PromQL over all there is; API under /api/v1"),
    Service("demo", 8000, "the application that is watched; its README is roles/demo", "/users/1"),
)


class Stop(Exception):
    """The run ends here; str() says why and what to do."""


def call(what: str, *command: str, quiet: bool = False) -> str:
    """Run a command; its output is shown, or returned when quiet. Raises Stop with its last words."""
    answer = subprocess.run(
        command,
        cwd=paths.ROOT,
        text=True,
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
    )
    if answer.returncode != 0:
        lines = (answer.stdout or "").strip().splitlines()
        last = [line for line in lines if "rror" in line][:1] or lines[-1:]
        raise Stop(f"could not {what}" + (f": {last[0]}" if last else ", see above"))
    return (answer.stdout or "").strip()


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure is an answer too."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


def docker_run(settings: dict[str, object], image: str) -> list[str]:
    """The docker command that starts the host: the test hosts' settings, our ports on the loopback address."""
    command = ["docker", "run", "--detach", "--name", HOST, "--hostname", HOST, "--label", "obs.local=true"]
    lists = {"capabilities": "--cap-add", "security_opts": "--security-opt", "tmpfs": "--tmpfs", "volumes": "--volume"}
    for key, option in lists.items():
        values = settings[key]
        assert isinstance(values, list)
        for value in values:
            command += [option, str(value)]
    command += ["--cgroupns", str(settings["cgroupns_mode"])]
    for service in SERVICES:
        command += ["--publish", f"127.0.0.1:{service.published}:{service.port}"]
    return [*command, image, str(settings["command"])]


def refuse_taken_ports() -> None:
    """Docker would find it too, and say it in four lines."""
    for service in SERVICES:
        port = service.published
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise Stop(
                    f"port {port} of 127.0.0.1, wanted for {service.name}, is taken ({error.strerror}). "
                    f"`ss -ltnp sport = :{port}` tells by what; stop that, or set {service.variable} to another port, "
                    "and run make up again"
                ) from error


def refuse_other_ports() -> None:
    """A container keeps the ports it was made with."""
    for service in SERVICES:
        answer = ask("docker", "port", HOST, f"{service.port}/tcp").stdout.strip()
        found = answer.splitlines()[0].rpartition(":")[2] if answer else "none"
        if answer and found != str(service.published):
            raise Stop(
                f"{HOST} publishes {service.name} on port {found}, not on {service.published} as {service.variable} "
                "says. Run make down, then make up"
            )


def start_host() -> None:
    """Have the container running and systemd up in it."""
    state = ask("docker", "inspect", "-f", "{{.State.Running}}", HOST)
    if state.returncode != 0:
        refuse_taken_ports()
        described = yaml.safe_load(CONTAINER.read_text())
        command = docker_run(described["obs_container"], described["obs_container_image"])
        try:
            call(f"start the container {HOST}", *command, quiet=True)
        except Stop:
            ask("docker", "rm", "--force", HOST)
            raise
    else:
        refuse_other_ports()
        if state.stdout.strip() != "true":
            call(f"start the container {HOST}", "docker", "start", HOST, quiet=True)
    for _second in range(60):
        if ask("docker", "exec", HOST, "systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
            return
        time.sleep(1)
    raise Stop(f"systemd in {HOST} is not up after 60 s: look with docker logs {HOST}")


def write_overrides() -> list[str]:
    """Point the inventory at the archives; returns what the user should know of them."""
    mirror = os.environ.get("OBS_MIRROR", "")
    stored = paths.store() / "obs_lab.yml"
    if not mirror and not stored.exists():
        raise Stop(f"no release archives in {paths.store()}: run scripts/setup.sh, or name a mirror by OBS_MIRROR")
    lab: dict[str, Any] = (
        {"obs_mirror": mirror, "obs_lab_components": {}} if mirror else yaml.safe_load(stored.read_text())
    )
    OVERRIDES.parent.mkdir(parents=True, exist_ok=True)
    text = "# Written by `make up`: where the archives are, and which versions stand in for defaults not to be had.\n"
    OVERRIDES.write_text(text + yaml.safe_dump(lab, sort_keys=False))
    notes = [
        f"{name} {row['version']} instead of the default {row['default']}, which cannot be had on this machine"
        for name, row in lab["obs_lab_components"].items()
        if "default" in row
    ]
    if lab["obs_lab_components"].get("prometheus", {}).get("origin") == "real-built":
        notes.append("prometheus was built from its Go module, which lacks the web pages; its API is whole")
    return notes


def write_secrets() -> None:
    """Make what nobody else may know, once: a database of Grafana opens with its first key only."""
    if SECRETS.exists():
        return
    SECRETS.parent.mkdir(parents=True, exist_ok=True)
    values = {f"vault_grafana_{name}": secrets.token_urlsafe(24) for name in ("admin_password", "secret_key")}
    with open(os.open(SECRETS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write("# Made by `make up` for this machine only; gone with `make down`.\n" + yaml.safe_dump(values))


def up() -> None:
    """Everything, telling each step."""
    started = time.monotonic()
    say = lambda text: print(f"up: {text}", flush=True)  # noqa: E731 - one line, used only here
    say(f"container {HOST}")
    start_host()
    notes = write_overrides()
    write_secrets()
    say("site.yml")
    call("install", "ansible-playbook", "site.yml", "-i", "inventories/local")
    say("verify.yml")
    call("prove it healthy", "ansible-playbook", "playbooks/verify.yml", "-i", "inventories/local")
    print(f"\nUp in {time.monotonic() - started:.0f} s.\n")
    for service in SERVICES:
        print(f"  {service.name:<15}{service.url:<36}{service.shows}")
    print(f"\n  Grafana's user is admin, its password in {SECRETS.relative_to(paths.ROOT)}.")
    print("  The ports are published on 127.0.0.1 only. Everything else listens inside the host:")
    print(f"  docker exec {HOST} curl -s 127.0.0.1:9090/-/ready")
    for line in notes:
        print(f"  Note: {line}.")
    print("\n  Again: make deploy    What runs: make status    Remove: make down    All of it: docs/operations.md")


def down() -> None:
    """Remove the host and what `make up` wrote."""
    ask("docker", "rm", "--force", "--volumes", HOST)
    OVERRIDES.unlink(missing_ok=True)
    SECRETS.unlink(missing_ok=True)
    print(f"down: {HOST} is gone; the artifact store {paths.store()} stays")


def main() -> int:
    """Read the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--down", action="store_true", help="remove the host")
    os.environ["PATH"] = f"{paths.ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        if parser.parse_args().down:
            down()
        else:
            up()
    except Stop as reason:
        print(f"up: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
