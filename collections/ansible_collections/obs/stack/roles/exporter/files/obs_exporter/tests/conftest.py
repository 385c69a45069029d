# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests have in common: an exporter that runs as a process, an upstream that misbehaves, promtool."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

SOURCES = Path(__file__).resolve().parents[1] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"}
WAIT_SECONDS = 20.0
# What hypothesis remembers must not be left among the sources that ship.
set_hypothesis_home_dir(tempfile.mkdtemp())


def until(what: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """The first true value of `what`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


class Exporter:
    """One that runs. get() asks it; log holds the lines it wrote."""

    def __init__(
        self,
        folder: Path,
        config: str,
        *arguments: str,
        scheme: str = "http",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.environment = {**ENVIRONMENT, **(environment or {})}
        self.file = folder / "exporter.yml"
        self.file.write_text(config)
        self.arguments = arguments
        self.scheme = scheme
        self.log: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Exporter:
        command = [
            sys.executable,
            "-m",
            "obs_exporter.main",
            "--config.file",
            str(self.file),
            "--storage.path",
            str(self.folder / "state"),
            "--web.listen-address",
            "127.0.0.1:0",
            *self.arguments,
        ]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self.environment)
        self.log = []
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.address = until(self._bound)
        until(lambda: self.status("/-/ready") in (200, 401))
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line)

    def _bound(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        found = [match[1] for line in self.log if (match := re.search(r"msg=listening address=(\S+)", line))]
        return found[0] if found else ""

    def open(self, path: str, method: str = "GET", timeout: float = 20, **headers: str) -> Any:
        request = urllib.request.Request(f"{self.scheme}://{self.address}{path}", method=method, headers=headers)
        context = ssl._create_unverified_context() if self.scheme == "https" else None
        return urllib.request.urlopen(request, timeout=timeout, context=context)

    def get(self, path: str = "/metrics", **headers: str) -> str:
        with self.open(path, **headers) as answer:
            return answer.read().decode()

    def status(self, path: str, method: str = "GET", **headers: str) -> int:
        try:
            with self.open(path, method, **headers) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def value(self, series: str, path: str = "/metrics") -> float | None:
        for line in self.get(path).splitlines():
            if line.startswith(series + " "):
                return float(line.split()[-1])
        return None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=WAIT_SECONDS)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Exporter]]:
    """Start an exporter with a configuration and further arguments."""
    started: list[Exporter] = []

    def start(
        config: str, *arguments: str, scheme: str = "http", environment: dict[str, str] | None = None
    ) -> Exporter:
        folder = tmp_path / f"exporter{len(started)}"
        folder.mkdir()
        started.append(Exporter(folder, config, *arguments, scheme=scheme, environment=environment))
        return started[-1].start()

    yield start
    for one in started:
        if one.process is not None and one.process.poll() is None:
            one.kill()


class Upstream(socketserver.ThreadingTCPServer):
    """Answers each path with bytes, or with what a function does to the connection. asked: requests, whole."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, bytes | Callable[[socket.socket], None]] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def json(self, path: str, text: str) -> None:
        body = text.encode()
        self.answers[path] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests want."""


class _Handler(socketserver.BaseRequestHandler):
    server: Upstream

    def handle(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.request.recv(4096)
            if not piece:
                return
            data += piece
        self.server.asked.append(data.decode("latin-1"))
        answer = self.server.answers.get(data.split()[1].decode().split("?")[0])
        if callable(answer):
            answer(self.request)
        else:
            self.request.sendall(answer or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A server on loopback that does what a test says."""
    server = Upstream()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the real prometheus and promtool of the artifact store."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    store = Path(os.environ.get("OBS_STORE") or Path(os.environ.get("OBS_CACHE") or base / "obs-stack") / "store")
    # The one that the laboratory tells; others are broken on purpose.
    lab = store / "obs_lab.yml"
    told = re.search(r"^  prometheus:\n    version: (\S+)$", lab.read_text(), re.MULTILINE) if lab.exists() else None
    version = told[1] if told else "none"
    folder_of = store / "mirror/github.com/prometheus/prometheus/releases/download"
    archives = sorted(folder_of.glob(f"v{version}/*.tar.gz"))
    for archive in reversed(archives):
        folder = tmp_path_factory.mktemp("release")
        with contextlib.suppress(tarfile.TarError, KeyError, EOFError, OSError), tarfile.open(archive) as packed:
            for member in packed.getmembers():
                file = packed.extractfile(member) if member.name.endswith(("/promtool", "/prometheus")) else None
                if file is not None:
                    program = folder / Path(member.name).name
                    program.write_bytes(file.read())
                    program.chmod(0o755)
            if all(
                subprocess.run([folder / name, "--version"], capture_output=True, check=False).returncode == 0
                for name in ("promtool", "prometheus")
            ):
                return folder
    pytest.skip("there is no whole release of Prometheus in the artifact store")


@pytest.fixture(scope="session")
def promtool(release: Path) -> Path:
    """The real one."""
    return release / "promtool"
