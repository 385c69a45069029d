# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_asking: each kind against something on loopback that answers, and something that does not."""

from __future__ import annotations

import errno
import http.server
import pathlib
import socket
import ssl
import threading
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _asking
from ansible_collections.obs.stack.plugins.module_utils._findings import Finding


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers by path; remembers what was asked."""

    asked: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append("{0} {1}".format(self.path, self.headers.get("Authorization", "")))
        self.send_response(403 if self.path.startswith("/bucket") else 404 if self.path.startswith("/none") else 200)
        self.end_headers()
        self.wfile.write(b"<ListBucketResult/>" if self.path.startswith("/logs") else b"ok")

    def log_message(self, *args: t.Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def server() -> t.Iterator[int]:
    """The port of a web server."""
    Pages.asked.clear()
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found.server_address[1]
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def closed() -> int:
    """A port nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def ask(kind: str, **fields: t.Any) -> Finding:
    return _asking.ask({"check": "c", "target": "t", "kind": kind, **fields}, 2.0)


def state(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.detail


def test_tcp(server: int, closed: int) -> None:
    there = ask("tcp", address="127.0.0.1", port=server)
    assert state(there) == ("ok", f"127.0.0.1:{server} is reached")
    assert (there.check, there.target) == ("c", "t") and there.seconds >= 0
    assert state(ask("tcp", address="127.0.0.1", port=closed)) == (
        "WRONG",
        f"127.0.0.1:{closed}: refused: nothing listens there",
    )
    assert not Pages.asked, "nothing is sent"


def test_tcp_of_a_url_in_a_file(server: int, closed: int, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "url"
    assert ask("tcp", url_file=str(file)).state == "warning"
    file.write_text(f"http://u:canary@127.0.0.1:{server}/canary\n")
    assert state(ask("tcp", url_file=str(file))) == ("ok", f"127.0.0.1:{server} is reached")
    file.write_text(f"http://127.0.0.1:{closed}/canary")
    found = ask("tcp", url_file=str(file))
    assert found.state == "WRONG" and "canary" not in found.detail and str(closed) in found.detail
    file.write_text("canary")
    found = ask("tcp", url_file=str(file))
    assert found.state == "WRONG" and "canary" not in found.detail


def test_dns() -> None:
    assert state(ask("dns", address="127.0.0.1")) == ("ok", "127.0.0.1")
    found = ask("dns", address="nowhere.invalid")
    assert found.state == "WRONG" and found.detail.startswith("nowhere.invalid: the name does not resolve")


def test_http(server: int) -> None:
    where = {"address": "127.0.0.1", "port": server}
    found = ask("http", **where, path="/a b", query="token=canary", username="u", password="canary")
    assert state(found) == ("ok", f"HTTP 200 from http://127.0.0.1:{server}/a b")
    assert Pages.asked[0].startswith("/a%20b?token=canary Basic ")
    assert ask("http", **where, path="/bucket").state == "WRONG"
    assert ask("http", **where, path="/bucket", status=[200, 403]).state == "ok"


def test_fetch(server: int, closed: int, tmp_path: pathlib.Path) -> None:
    mirror = f"http://127.0.0.1:{server}/m"
    found = ask("fetch", url="https://github.com/x/sums", mirror=mirror, userinfo="u:canary", query="k=canary")
    assert state(found) == ("ok", f"http://***@127.0.0.1:{server}/m/github.com/x/sums?*** answers")
    assert Pages.asked[0].startswith("/m/github.com/x/sums?k=canary Basic ")
    missing = ask("fetch", url=f"http://127.0.0.1:{server}/none")
    assert missing.state == "WRONG" and "HTTP 404" in missing.detail
    assert "refused" in ask("fetch", url=f"http://127.0.0.1:{closed}/x").detail
    (tmp_path / "github.com").mkdir()
    (tmp_path / "github.com" / "sums").write_text("x")
    assert ask("fetch", url="https://github.com/sums", mirror=f"file://{tmp_path}").state == "ok"
    assert "No such file" in ask("fetch", url="https://github.com/other", mirror=f"file://{tmp_path}").detail


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path: pathlib.Path) -> None:
    assert ask("disk", file=str(tmp_path / "a" / "b"), warn=0, fail=0).state == "ok"
    assert ask("disk", file=str(tmp_path), warn=100.1, fail=0).state == "warning"
    assert ask("disk", file=str(tmp_path), warn=101, fail=100.1).state == "WRONG"


def certificate(folder: pathlib.Path, days: float) -> pathlib.Path:
    """A file with a key and a certificate of 127.0.0.1 that is valid for so many days."""
    import datetime
    import ipaddress

    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - datetime.timedelta(days=2))
    built = built.not_valid_after(now + datetime.timedelta(days=days))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = built.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_certificate_of_a_file(tmp_path: pathlib.Path) -> None:
    assert ask("certificate", file=str(tmp_path / "none"), warn=30, fail=7).state == "warning"
    assert ask("certificate", file=str(certificate(tmp_path, 90)), warn=30, fail=7).state == "ok"
    assert ask("certificate", file=str(certificate(tmp_path, -1)), warn=30, fail=7).state == "WRONG"
    (tmp_path / "text").write_text("nothing")
    assert state(ask("certificate", file=str(tmp_path / "text"), warn=30, fail=7)) == ("WRONG", "no certificate in it")


@pytest.fixture
def secured(tmp_path: pathlib.Path) -> t.Iterator[tuple[int, str]]:
    """Port and CA of a TLS server whose certificate is valid for 20 days."""
    file = str(certificate(tmp_path, 20))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    found.socket = context.wrap_socket(found.socket, server_side=True)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found.server_address[1], file
    found.shutdown()
    found.server_close()
    thread.join()


def test_tls(secured: tuple[int, str]) -> None:
    port, ca = secured
    where = {"address": "127.0.0.1", "port": port, "warn": 30, "fail": 7}
    found = ask("tls", **where, ca_path=ca)
    assert found.state == "warning" and "days left" in found.detail
    assert "its certificate is not trusted" in ask("tls", **where).detail
    assert "not trusted" in ask("tls", **where, ca_path=ca, server_name="other.example.com").detail


def test_s3(server: int, closed: int) -> None:
    keys = {"username": "key", "password": "canary-1", "scheme": "http"}
    found = ask("s3", address="127.0.0.1", port=server, bucket="logs", **keys)
    assert (found.state, found.detail) == ("ok", f"http://127.0.0.1:{server}: bucket logs can be listed")
    path, _space, authorization = Pages.asked[-1].partition(" ")
    assert path == "/logs?list-type=2&max-keys=1" and authorization.startswith("AWS4-HMAC-SHA256 Credential=key/")
    assert "canary-1" not in authorization
    assert ask("s3", address="127.0.0.1", port=server, bucket="logs", scheme="http").state == "warning", "public"
    assert "no answer of S3" in ask("s3", address="127.0.0.1", port=server, bucket="none", **keys).detail
    gone = ask("s3", address="127.0.0.1", port=closed, bucket="logs", **keys)
    assert gone.state == "WRONG" and f"127.0.0.1:{closed}: refused" in gone.detail


def test_what_cannot_be_asked_is_skipped() -> None:
    assert state(ask("none", reason="no address")) == ("skipped", "no address")


def test_reasons_name_what_to_look_at() -> None:
    assert "firewall" in _asking.reason(socket.timeout(), 5)
    assert _asking.reason(OSError(errno.EHOSTUNREACH, "No route to host"), 5) == "No route to host"
    assert _asking.reason(OSError("not an HTTP answer"), 5) == "not an HTTP answer"
