# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Grafana modules by TLS: an authority of one's own, a certificate to show, a sub-path, a proxy before it."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.grafana.modules import Modules

NOW = datetime.datetime.now(datetime.timezone.utc)


@dataclass
class There:
    """Where somebody is to be found, and as whom."""

    url: str
    login: str = ""
    password: str = ""
    token: str = "canary-token"
    org: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)


class Authority:
    """Makes certificates, each with its key in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        self.path = self._write("ca", self._certificate(self.name, self.key, authority=True))

    def _certificate(self, name: x509.Name, key: Any, *, authority: bool = False) -> x509.Certificate:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = x509.CertificateBuilder(self.name, name, key.public_key(), x509.random_serial_number(),
                                          NOW - datetime.timedelta(hours=1), NOW + datetime.timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        return builder.add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(
            self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate, key: Any = None) -> str:
        path = self.folder / f"{name}.pem"
        text = certificate.public_bytes(serialization.Encoding.PEM)
        if key:
            text += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())
        path.write_bytes(text)
        return str(path)

    def leaf(self, name: str) -> str:
        """A file with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._write(name, self._certificate(subject, key), key)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One of our own."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(authority: Authority) -> Iterator[There]:
    """Answers about one folder, below a sub-path, to who shows a certificate."""
    there = There("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.path, self.headers.get("Authorization", "")))
            body = json.dumps({"uid": "ops", "title": "Ops", "url": "/grafana/dashboards/f/ops/ops"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.leaf("server"))
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        there.url = f"https://127.0.0.1:{listening.server_port}/grafana"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield there
        listening.shutdown()


WANTED: dict[str, Any] = {"uid": "ops", "title": "Ops"}


def test_own_authority_and_own_certificate(server: There, authority: Authority) -> None:
    client = authority.leaf("client")
    done = Modules(server).settles("grafana_folder", **WANTED, ca_path=authority.path, client_cert=client)
    assert not done["changed"] and done["url"] == server.url + "/dashboards/f/ops/ops"
    assert set(server.asked) == {("/grafana/api/folders/ops", "Bearer canary-token")}


def test_authority_that_is_not_trusted(server: There, authority: Authority) -> None:
    message = Modules(server).refuses("grafana_folder", **WANTED, client_cert=authority.leaf("client"))
    assert "its certificate is not trusted" in message and "Give the authority as ca_path" in message
    assert not server.asked
    trusting: dict[str, Any] = {"validate_certs": False, "client_cert": authority.leaf("client")}
    assert not Modules(server).run("grafana_folder", **WANTED, **trusting)["failed"]


def test_no_certificate_is_shown(server: There, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    message = Modules(server).refuses("grafana_folder", **WANTED, ca_path=authority.path)
    assert "Could not read folder 'Ops'" in message and not server.asked


def test_files_that_are_not_there(server: There) -> None:
    for option in ("ca_path", "client_cert"):
        message = Modules(server).refuses("grafana_folder", **WANTED, **{option: "/nowhere/x.pem"})
        assert "Could not read folder 'Ops'" in message and "/nowhere/x.pem" in message
