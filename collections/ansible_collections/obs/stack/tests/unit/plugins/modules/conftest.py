# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's main() in this process and catch how it ended; servers for modules to ask."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.obs.stack.plugins.module_utils import _grafana_api_client
from ansible_collections.obs.stack.tests.unit.programs import program

ALERTMANAGER = program("alertmanager")


class Ended(Exception):
    """A module has ended; its result is the argument."""


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Call with a module and its arguments; gives its result, ``failed`` among it."""

    def end(failed: bool) -> Callable[..., None]:
        def exit_json(self: Any, **result: Any) -> None:
            raise Ended({"failed": failed, **result})

        return exit_json

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", end(False))
    monkeypatch.setattr(basic.AnsibleModule, "fail_json", end(True))

    def run(module: ModuleType, *, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        given = json.loads(json.dumps({**arguments, "_ansible_check_mode": check_mode}))
        with patch_module_args(given), pytest.raises(Ended) as caught:
            module.main()
        return caught.value.args[0]

    return run


class FakeGrafana:
    """Answers as it was told to, by method and path; what it was not told of is not there."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, Any]] = []

    def on(self, request: str, *answers: Any) -> None:
        """Answer a request, one answer after the other; the last one stays. One that is no pair has status 200."""
        self.answers[request] = [one if isinstance(one, tuple) else (200, one) for one in answers]

    def __call__(self, method: str, target: str, data: bytes | None) -> Any:
        path = target.partition("://")[2].partition("/")[2]
        request = "{0} /{1}".format(method, path)
        self.asked.append((request, None if data is None else json.loads(data)))
        known = self.answers.get(request) or self.answers.get(request.partition("?")[0])
        status, body = (404, {"message": "not there"}) if not known else known.pop(0) if len(known) > 1 else known[0]
        return _grafana_api_client.Answer(status, {}, json.dumps(body).encode())

    @property
    def written(self) -> list[tuple[str, Any]]:
        """What was asked for to be changed."""
        return [one for one in self.asked if not one[0].startswith("GET ")]


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> FakeGrafana:
    """A Grafana in the place of the network."""
    fake = FakeGrafana()
    monkeypatch.setattr(_grafana_api_client, "_Sender", lambda access: fake)
    return fake


@pytest.fixture
def ask(run_module: Callable[..., dict[str, Any]], grafana: FakeGrafana) -> Callable[..., dict[str, Any]]:
    """Call with a Grafana module and its options; gives its result."""

    def run(module: ModuleType, **options: Any) -> dict[str, Any]:
        return run_module(module, url="http://grafana:3000/", token="canary-token", **options)

    return run


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class RealAlertmanager:
    """An Alertmanager of its own, with a path prefix, that notifies nobody.

    Args:
        folder: its own.
        peers: members it is to join.
        web: its web configuration, one with TLS.
    """

    def __init__(self, folder: pathlib.Path, *peers: RealAlertmanager, web: str = "") -> None:
        port, self.gossip = free_port(), free_port()
        self.url = "{0}://127.0.0.1:{1}/am".format("https" if web else "http", port)
        (folder / "web.yml").write_text(web)
        (folder / "alertmanager.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
        arguments = [
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.route-prefix=/am",
            f"--web.config.file={folder / 'web.yml'}",
            f"--cluster.listen-address=127.0.0.1:{self.gossip}",
            "--cluster.settle-timeout=0s",
            *[f"--cluster.peer=127.0.0.1:{peer.gossip}" for peer in peers],
        ]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([str(ALERTMANAGER), *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                if web:
                    socket.create_connection(("127.0.0.1", port)).close()
                else:
                    self.ask("GET", "/-/ready")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "log").read_text()) from None
                time.sleep(0.05)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Its answer, parsed where it is JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"} if data else {}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        return json.loads(text) if text[:1] in ("{", "[") else text

    def silences(self, *states: str) -> list[dict[str, Any]]:
        """Its silences in these states; all without."""
        found = self.ask("GET", "/api/v2/silences")
        return [one for one in found if not states or one["status"]["state"] in states]

    def stop(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def alertmanagers(tmp_path: pathlib.Path) -> Iterator[Callable[..., RealAlertmanager]]:
    """Call to start a real Alertmanager, with those it is to join; ended after the test."""
    if ALERTMANAGER is None:
        pytest.skip("no alertmanager on the PATH nor in the artifact store")
    started: list[RealAlertmanager] = []

    def start(*peers: RealAlertmanager, web: str = "") -> RealAlertmanager:
        folder = tmp_path / f"alertmanager-{len(started)}"
        folder.mkdir()
        started.append(RealAlertmanager(folder, *peers, web=web))
        return started[-1]

    yield start
    for one in started:
        one.stop()
