"""Follows the journal of a service on several hosts at once, over ssh, docker, podman or on this machine.

`make logs SERVICE=…` runs it (scripts/verb.py). It reads the inventory as Ansible does. Each line begins with
the name of its host where there are several. On an interrupt it ends what it started, here and on the hosts.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lab import paths

sys.path.insert(0, str(paths.ROOT / "collections"))

from ansible_collections.obs.stack.plugins.filter.verbs import service_problem
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import group_of
from ansible_collections.obs.stack.plugins.plugin_utils._journal import journal_command
from ansible_collections.obs.stack.plugins.plugin_utils._tables import prefixed

PATIENCE = 5  # seconds for a follower to end by itself
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# On the host. The watcher ends journalctl as soon as our end of the connection is gone: a client that is killed would
# otherwise leave it there. Its input is kept on 3, since a shell gives background commands an empty one.
WATCHED = "exec 3<&0; (cat <&3 >/dev/null; kill $$) >/dev/null 2>&1 & exec {command} </dev/null 3<&-"
AS_ROOT = 'if [ "$(id -u)" = 0 ]; then exec sh -c {script}; else exec sudo -n sh -c {script}; fi'


class Refused(Exception):
    """There is nothing to follow; str() says why and what to do."""


@dataclass(frozen=True)
class Place:
    """One host, and the command on this machine that follows there."""

    host: str
    command: tuple[str, ...]


def settings_of_ssh() -> list[str]:
    """Arguments for ssh that ansible.cfg and the environment name; what a host's variables say goes before them."""
    from ansible.constants import config
    from ansible.plugins.loader import connection_loader

    connection_loader.get("ssh", class_only=True)  # only then its options are known

    def value(name: str) -> Any:
        return config.get_config_value(name, plugin_type="connection", plugin_name="ssh")

    words = [] if value("host_key_checking") else ["-o", "StrictHostKeyChecking=no"]
    for name, option in (("remote_user", "-l"), ("private_key_file", "-i")):
        words += [option, str(value(name))] if value(name) else []
    for name in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
        words += shlex.split(value(name) or "")
    return words


def place_of(host: str, variables: Mapping[str, Any], journal: list[str], ssh_settings: list[str]) -> Place:
    """How a host is followed, from its connection variables.

    Raises:
        Refused: its connection cannot be followed.
    """
    kind = str(variables.get("ansible_connection") or "ssh").rpartition(".")[2]
    address = str(variables.get("ansible_host") or host)
    script = WATCHED.format(command=shlex.join(journal))
    as_root = AS_ROOT.format(script=shlex.quote(script))
    if kind == "local":
        return Place(host, ("sh", "-c", as_root))
    if kind in ("docker", "docker_api", "podman"):
        engine = "podman" if kind == "podman" else "docker"
        return Place(host, (engine, "exec", "--interactive", "--user", "0", address, "sh", "-c", script))
    if kind in ("ssh", "smart", "paramiko", "paramiko_ssh"):
        return Place(host, ("ssh", *_ssh_options(variables), *ssh_settings, "--", address, as_root))
    raise Refused(f"{host} is reached by '{kind}', which cannot be followed. Give FOLLOW=0 for the last lines")


def _ssh_options(variables: Mapping[str, Any]) -> list[str]:
    """ssh's options from the variables of a host; no option may ask for a password, as several hosts would at once."""
    options = ["-T", "-o", "BatchMode=yes"]
    for names, option in (
        (("ansible_port", "ansible_ssh_port"), "-p"),
        (("ansible_user", "ansible_ssh_user"), "-l"),
        (("ansible_ssh_private_key_file", "ansible_private_key_file"), "-i"),
    ):
        value = next((str(variables[name]) for name in names if variables.get(name)), "")
        if value:
            options += [option, os.path.expanduser(value) if option == "-i" else value]
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        options += shlex.split(str(variables.get(name) or ""))
    return options


def read_inventory(inventory: Path, limit: str) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Groups and variables of an inventory, as ansible-inventory tells them.

    Raises:
        Refused: Ansible cannot read it.
    """
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(inventory), "--list"]
    answer = subprocess.run(
        command + (["--limit", limit] if limit else []), cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        lines = [line for line in answer.stderr.splitlines() if line.startswith(("[ERROR]", "ERROR!"))]
        raise Refused(lines[-1].partition(" ")[2] if lines else f"Ansible cannot read {inventory}")
    document = json.loads(answer.stdout)
    variables = document.get("_meta", {}).get("hostvars", {})
    return {name: hosts_of(document, name) for name in document if name != "_meta"}, variables


def hosts_of(document: Mapping[str, Any], group: str) -> list[str]:
    """All hosts of a group, those of its children among them."""
    entry = document.get(group) or {}
    found = list(entry.get("hosts") or [])
    for child in entry.get("children") or []:
        found += hosts_of(document, child)
    return sorted(set(found))


def rendered(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Connection variables with their templates filled in."""
    wanted = {name: value for name, value in variables.items() if name.startswith("ansible_")}
    if not any("{{" in str(value) for value in wanted.values()):
        return wanted
    from ansible.template import Templar, trust_as_template

    templar = Templar(variables={name: _trusted(value, trust_as_template) for name, value in variables.items()})
    return {name: templar.template(_trusted(value, trust_as_template)) for name, value in wanted.items()}


def _trusted(value: Any, trust: Any) -> Any:
    return trust(value) if isinstance(value, str) else value


class Followers:
    """The processes that follow, and a thread for each that copies its lines."""

    def __init__(self) -> None:
        self._width = 0
        self._lock = threading.Lock()
        self._ending = False
        self.failed: dict[str, str] = {}
        self._started: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []

    def start(self, places: list[Place]) -> None:
        """Follow in every place. An interrupt may come at any moment, and end() then ends those that run."""
        self._width = max(len(place.host) for place in places) if len(places) > 1 else 0
        for place in places:
            process = self._process(place)
            self._started.append(process)
            self._threads.append(threading.Thread(target=self._copy, args=(place, process), daemon=True))
            self._threads[-1].start()

    def _process(self, place: Place) -> subprocess.Popen[str]:
        # A session of its own: an interrupt at the terminal is ours to handle, and would else cut lines in two.
        return subprocess.Popen(
            place.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _copy(self, place: Place, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            last = line.strip() or last
            self._print(place.host, line)
        code = process.wait()
        if code and not self._ending:
            self.failed[place.host] = last or f"the connection ended with {code}"

    def _print(self, host: str, line: str) -> None:
        with self._lock:
            if self._ending:
                return
            try:
                print(prefixed(host, line.rstrip("\r\n"), self._width), flush=True)
            except BrokenPipeError:  # of `make logs | head`: whoever read has enough
                self._ending = True
                os.kill(os.getpid(), signal.SIGINT)

    def wait(self) -> None:
        """Return when every follower has ended by itself."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(1)

    def end(self) -> None:
        """End them all: closing their input ends journalctl on the host, and with it the connection."""
        self._ending = True
        for process in self._started:
            if process.stdin:
                process.stdin.close()
        for process in self._started:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def interrupted(*_signal: object) -> None:
    """Every way of being told to stop is an interrupt."""
    raise KeyboardInterrupt


def main(inventory: Path, service: str, limit: str = "", *, since: str = "", lines: str = "") -> int:
    """Follow until interrupted; returns the exit code: 0 after an interrupt, 1 where one could not be followed."""
    try:
        groups, variables = read_inventory(inventory, limit)
        hosts = {host for members in groups.values() for host in members}
        problem = service_problem(groups, service, sorted(hosts))
        if problem:
            raise Refused(f"Could not show the logs: {problem}")
        journal = journal_command(service, since=since, lines=lines, follow=True)
        settings = settings_of_ssh()
        places = [
            place_of(host, rendered(variables.get(host) or {}), journal, settings) for host in groups[group_of(service)]
        ]
    except (Refused, StackError) as reason:
        print(f"Cause: {str(reason).splitlines()[0]}", file=sys.stderr)
        return 2
    # SIGINT, too: a shell without job control starts what it puts behind with that one ignored.
    for name in INTERRUPTS:
        signal.signal(name, interrupted)
    followers = Followers()
    try:
        followers.start(places)
        followers.wait()
    except KeyboardInterrupt:
        for name in INTERRUPTS:
            signal.signal(name, signal.SIG_IGN)
        followers.end()
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  a broken pipe must not fail once more at exit
        return 0
    followers.end()
    for host, words in sorted(followers.failed.items()):
        print(f"Cause: {host}: {words}", file=sys.stderr)
    return 1 if followers.failed else 0
