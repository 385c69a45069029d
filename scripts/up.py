#!/usr/bin/env python3
"""`make up`: one systemd host in a container, installed by site.yml and proven by verify.yml. `--down` removes it.

The host is the container obs-local of inventories/local; its ports are published on 127.0.0.1 only. Run again, it
continues with the host that is there, as site.yml is safe to run at any time.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import yaml

from scripts.lab import paths

HOST = "obs-local"
INVENTORY = paths.ROOT / "inventories" / "local"
OVERRIDES = INVENTORY / "group_vars" / "all" / "obs_lab.yml"
CONTAINER = paths.ROOT / "molecule" / "shared" / "hosts" / "container.yml"


@dataclass(frozen=True)
class Service:
    """A row of the closing table."""

    name: str
    port: int
    shows: str
    path: str = "/"

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://127.0.0.1:{self.port}{self.path}"


SERVICES = (
    Service("prometheus", 9090, "metrics, rules, targets; API under /api/v1"),
    Service("alertmanager", 9093, "alerts and silences; API under /api/v2"),
    Service("node_exporter", 9100, "the host's own metrics", "/metrics"),
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
        command += ["--publish", f"127.0.0.1:{service.port}:{service.port}"]
    return [*command, image, str(settings["command"])]


def refuse_taken_ports() -> None:
    """Docker would find it too, and say it in four lines."""
    for service in SERVICES:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", service.port))
            except OSError as error:
                raise Stop(
                    f"port {service.port} of 127.0.0.1, wanted for {service.name}, is taken ({error.strerror}). "
                    f"`ss -ltnp sport = :{service.port}` tells by what; stop that and run make up again"
                ) from error


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
    elif state.stdout.strip() != "true":
        call(f"start the container {HOST}", "docker", "start", HOST, quiet=True)
    for _second in range(60):
        if ask("docker", "exec", HOST, "systemctl", "is-system-running").stdout.strip() in ("running", "degraded"):
            return
        time.sleep(1)
    raise Stop(f"systemd in {HOST} is not up after 60 s: look with docker logs {HOST}")


def write_overrides() -> list[str]:
    """Point the inventory at the artifact store; returns what the user should know of them."""
    lab = yaml.safe_load((paths.store() / "obs_lab.yml").read_text())
    OVERRIDES.parent.mkdir(parents=True, exist_ok=True)
    text = "# Written by `make up`: where the archives are, and which versions stand in for defaults not to be had.\n"
    OVERRIDES.write_text(text + yaml.safe_dump(lab, sort_keys=False))
    notes = [
        f"{name} {row['version']} instead of the default {row['default']}, which cannot be had on this machine"
        for name, row in lab["obs_lab_components"].items()
        if "default" in row
    ]
    if lab["obs_lab_components"]["prometheus"]["origin"] == "real-built":
        notes.append("prometheus was built from its Go module, which lacks the web pages; its API is whole")
    return notes


def up() -> None:
    """Everything, telling each step."""
    started = time.monotonic()
    say = lambda text: print(f"up: {text}", flush=True)  # noqa: E731 - one line, used only here
    say("host image and artifacts (minutes on the first run, a second afterwards)")
    call("build the host image", "scripts/host-image.sh", "bookworm")
    call("fill the artifact store", sys.executable, "-m", "scripts.artifacts", "--defaults")
    say(f"container {HOST}")
    start_host()
    notes = write_overrides()
    say("site.yml")
    call("install", "ansible-playbook", "site.yml", "-i", "inventories/local")
    say("verify.yml")
    call("prove it healthy", "ansible-playbook", "playbooks/verify.yml", "-i", "inventories/local")
    print(f"\nUp in {time.monotonic() - started:.0f} s.\n")
    for service in SERVICES:
        print(f"  {service.name:<15}{service.url:<36}{service.shows}")
    print("\n  No login is asked for: the ports are published on 127.0.0.1 only. With a login set, its password is")
    print(f"  on the host under /etc/<service>/secrets (docker exec {HOST} ls /etc/prometheus).")
    for line in notes:
        print(f"  Note: {line}.")
    print("\n  Again: ansible-playbook site.yml -i inventories/local    Remove: make down")


def down() -> None:
    """Remove the host and what `make up` wrote."""
    ask("docker", "rm", "--force", "--volumes", HOST)
    OVERRIDES.unlink(missing_ok=True)
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
