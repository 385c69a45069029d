# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server to test against: the simulator, started on this machine, or a real Grafana that is named."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = ROOT / "molecule" / "shared" / "artifacts" / "standins" / "grafana"
PATIENCE = 30
# What the simulator is tested as: version and storage of dashboards and folders.
SIMULATED = [("11.6.3", "legacy"), ("12.0.2", "legacy"), ("12.0.2", "unified"), ("13.2.3", "unified")]


def name() -> str:
    """A name, title or uid that nobody has yet."""
    return "t" + secrets.token_hex(6)


@dataclass
class Answer:
    """Status and body of an answer."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        """Its message, "" where it has none."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""

    @property
    def code(self) -> str:
        """Its messageId."""
        return str(self.body.get("messageId", "")) if isinstance(self.body, dict) else ""


@dataclass
class Api:
    """A Grafana, as somebody in an organisation."""

    url: str
    login: str = "admin"
    password: str = ""
    token: str = ""
    org: int = 0
    session: requests.Session = field(default_factory=requests.Session)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; header names with _ for -."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if self.org:
            sent.setdefault("X-Grafana-Org-Id", str(self.org))
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        auth = (self.login, self.password) if self.login and not self.token else None
        found = self.session.request(method, self.url + path, json=body, headers=sent, auth=auth, timeout=PATIENCE)
        try:
            return Answer(found.status_code, found.json())
        except ValueError:
            return Answer(found.status_code, found.text)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any) -> Answer:
        return self.ask("PUT", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.ask("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        return self.ask("DELETE", path)

    def seen_as(self, **changes: Any) -> Api:
        """The same server as somebody else, or in another organisation."""
        kept = {"login": self.login, "password": self.password, "token": self.token, "org": self.org}
        return Api(self.url, **{**kept, **changes})

    @property
    def version(self) -> tuple[int, ...]:
        """Numbers of the version that runs."""
        text = str(self.get("/api/health").body["version"]).split("+")[0].split("-")[0]
        return tuple(int(number) for number in text.split("."))

    @property
    def unified(self) -> bool:
        """Dashboards have ids of 52 random bits where storage is unified."""
        board = self.post("/api/dashboards/db", {"dashboard": {"title": name()}}).body
        self.delete(f"/api/dashboards/uid/{board['uid']}")
        return int(board["id"]) > 2**32

    def with_role(self, role: str) -> Api:
        """A service account's token of that role."""
        account = self.post("/api/serviceaccounts", {"name": name(), "role": role}).body["id"]
        token = self.post(f"/api/serviceaccounts/{account}/tokens", {"name": name()}).body["key"]
        return self.seen_as(token=token)

    def new_org(self) -> Api:
        """The same in an organisation of its own."""
        return self.seen_as(org=int(self.post("/api/orgs", {"name": name()}).body["orgId"]))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def simulated(version: str, storage: str = "", *options: str) -> Iterator[Api]:
    """A running simulator, empty at its start."""
    password, port = secrets.token_hex(8), free_port()
    words = ["sim", "--port", str(port), "--version", version, *(["--storage", storage] if storage else []), *options]
    environment = {**os.environ, "GRAFANA_SIM_PASSWORD": password}
    command = [sys.executable, "-B", str(SIMULATOR), *words]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield ready(Api(f"http://127.0.0.1:{port}", password=password), process)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def ready(api: Api, process: subprocess.Popen[str]) -> Api:
    """The server, once it answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the simulator ended: {process.stdout.read() if process.stdout else ''}")
        with contextlib.suppress(requests.ConnectionError):
            if api.get("/api/health").status == 200:
                return api
        time.sleep(0.05)
    raise RuntimeError(f"the simulator at {api.url} did not answer within {PATIENCE} s")


def real() -> Api | None:
    """The Grafana that the environment names."""
    url = os.environ.get("GRAFANA_URL", "").rstrip("/")
    if not url:
        return None
    return Api(url, os.environ.get("GRAFANA_USERNAME", "admin"), os.environ.get("GRAFANA_PASSWORD", ""))
