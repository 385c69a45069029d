# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Against real servers on loopback; only the waits between tries are shortened."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import multiprocessing
import os
import random
import re
import socket
import ssl
import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _download, _fetch
from ansible_collections.obs.stack.plugins.module_utils._checksums import find
from ansible_collections.obs.stack.plugins.module_utils._fetch import (
    FetchError,
    fetch,
    fetch_text,
    masked,
    mirrored,
    private_dir,
)

BODY = random.Random(7).randbytes((1 << 20) + 7)  # the same in every process: test ids hold its digest
SHA256 = hashlib.sha256(BODY).hexdigest()
TOKEN = {"Authorization": "Bearer canary-token"}
Answer = t.Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each path by a function, and keeps what was asked with which headers."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.base = "{0}://127.0.0.1:{1}".format(self.scheme, self.server_address[1])
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_args: t.Any) -> None:
        """Clients that hang up are what some tests are about."""

    @property
    def paths(self) -> list[str]:
        return [path for path, _headers in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        self.server.answers.get(self.path, status(404))(self)

    def log_message(self, *_args: t.Any) -> None:
        pass


def content(body: bytes = BODY, *, missing: int = 0, pause: float = 0) -> Answer:
    """The body, or all but its last bytes with the length of the whole."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        time.sleep(pause)
        to.send_response(200)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body[: len(body) - missing])

    return answer


def chunked(*parts: bytes, end: bool = True) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.protocol_version = "HTTP/1.1"
        to.close_connection = True
        to.send_response(200)
        to.send_header("Transfer-Encoding", "chunked")
        to.end_headers()
        for part in parts + ((b"",) if end else ()):
            to.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    return answer


def status(code: int, location: str = "") -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(code)
        if location:
            to.send_header("Location", location)
        to.end_headers()

    return answer


def in_turn(*answers: Answer) -> Answer:
    left = list(answers)

    def answer(to: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(to)

    return answer


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_download, "BACKOFF", 0.01)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(name="server")
def _server() -> t.Iterator[Server]:
    with Server() as server:
        yield server
        server.shutdown()


@pytest.fixture(name="other")
def _other() -> t.Iterator[Server]:
    with Server() as server:
        yield server
        server.shutdown()


@pytest.fixture(name="cache")
def _cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def failure(*args: t.Any, **options: t.Any) -> str:
    with pytest.raises(FetchError) as caught:
        fetch(*args, **options)
    text = str(caught.value)
    assert len(text.splitlines()) == 2, text
    assert caught.value.doc in ("fetch", "checksum", "disk-full")
    assert "canary" not in text
    return text


class TestContent:
    def test_fetched_and_stored_by_its_digest(self, server: Server, cache: Path) -> None:
        server.answers["/a.tar.gz"] = content()
        found = fetch(server.base + "/a.tar.gz", str(cache), sha256=SHA256.upper())
        assert (found.sha256, found.size) == (SHA256, len(BODY))
        assert Path(found.path).read_bytes() == BODY
        assert Path(found.path) == cache.resolve() / SHA256

    def test_second_time_from_the_cache(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content()
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        fetch(server.base + "/elsewhere", str(cache), sha256=SHA256)
        assert server.paths == ["/a"]

    def test_changed_in_the_cache_is_fetched_again(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content()
        found = fetch(server.base + "/a", str(cache), sha256=SHA256)
        Path(found.path).write_bytes(b"evil")
        again = fetch(server.base + "/a", str(cache), sha256=SHA256)
        assert Path(again.path).read_bytes() == BODY
        assert server.paths == ["/a", "/a"]

    def test_without_a_digest_never_from_the_cache(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = in_turn(content(), content(b"new"))
        assert fetch(server.base + "/a", str(cache)).sha256 == SHA256
        assert fetch(server.base + "/a", str(cache)).size == 3

    def test_another_content_is_refused_and_not_kept(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content(b"<html>Please log in</html>")
        text = failure(server.base + "/a", str(cache), sha256=SHA256)
        assert "wanted is " + SHA256 in text
        assert "HTML page of 26 bytes" in text
        assert "#checksum" in text
        assert [found.suffix for found in cache.iterdir()] == [".lock"]
        assert server.paths == ["/a"]

    @pytest.mark.parametrize("digest", ["abc", "sha256:" + SHA256, SHA256 + "0", "x" * 64])
    def test_a_digest_that_is_none(self, cache: Path, digest: str) -> None:
        assert "is not 64 hexadecimal digits" in failure("http://127.0.0.1:9/a", str(cache), sha256=digest)

    def test_chunked(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = chunked(BODY[:100], BODY[100:])
        assert fetch(server.base + "/a", str(cache), sha256=SHA256).size == len(BODY)


class TestTries:
    @pytest.mark.parametrize("bad", [content(missing=1), content(missing=len(BODY)), status(503), status(500)])
    def test_bad_once_then_good(self, server: Server, cache: Path, bad: Answer) -> None:
        server.answers["/a"] = in_turn(bad, content())
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        assert server.paths == ["/a", "/a"]

    def test_chunks_that_end_early(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = in_turn(chunked(BODY[:100], end=False), content())
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        assert server.paths == ["/a", "/a"]

    def test_truncated_always(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content(missing=7)
        text = failure(server.base + "/a", str(cache), sha256=SHA256)
        assert "truncated: {0} of {1} bytes came (3 tries)".format(len(BODY) - 7, len(BODY)) in text
        assert len(server.asked) == 3
        assert [found.suffix for found in cache.iterdir()] == [".lock"]

    def test_truncated_is_noticed_without_a_digest(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content(missing=7)
        assert "truncated" in failure(server.base + "/a", str(cache), tries=1)

    def test_unavailable_always(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = status(503)
        assert "HTTP 503 Service Unavailable (2 tries)" in failure(server.base + "/a", str(cache), tries=2)

    @pytest.mark.parametrize(
        ("code", "hint"),
        [(404, "obs_mirror"), (401, "headers"), (403, "headers"), (410, "obs_mirror"), (407, "obs_proxy")],
    )
    def test_refused_is_not_tried_again(self, server: Server, cache: Path, code: int, hint: str) -> None:
        server.answers["/a"] = status(code)
        text = failure(server.base + "/a", str(cache), sha256=SHA256)
        assert "HTTP {0} ".format(code) in text
        assert server.base + "/a" in text
        assert hint in text
        assert server.paths == ["/a"]

    def test_nobody_answers(self, cache: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:{0}/a".format(free.getsockname()[1])
        text = failure(url, str(cache), sha256=SHA256)
        assert "Connection refused (3 tries)" in text
        assert "obs_proxy" in text

    def test_slow_server(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content(pause=2)
        began = time.monotonic()
        assert "no answer within 0.2 s" in failure(server.base + "/a", str(cache), timeout=0.2, tries=2)
        assert time.monotonic() - began < 1.5


class TestRedirects:
    def test_headers_stay_on_the_first_host(self, server: Server, other: Server, cache: Path) -> None:
        server.answers["/a"] = status(302, "/b")
        server.answers["/b"] = status(307, other.base + "/c")
        other.answers["/c"] = status(301, server.base + "/d")
        server.answers["/d"] = content()
        fetch(server.base + "/a", str(cache), sha256=SHA256, headers=TOKEN)
        sent = {path: headers.get("authorization") for path, headers in server.asked + other.asked}
        # Another port of the same address is another host, and what left once does not get them back.
        assert sent == {"/a": TOKEN["Authorization"], "/b": TOKEN["Authorization"], "/c": None, "/d": None}

    def test_user_and_password_of_the_url(self, server: Server, other: Server, cache: Path) -> None:
        server.answers["/a"] = status(302, other.base + "/b")
        other.answers["/b"] = content()
        fetch(server.base.replace("//", "//me:can%40ary@") + "/a", str(cache), sha256=SHA256)
        assert server.asked[0][1]["authorization"] == "Basic bWU6Y2FuQGFyeQ=="
        assert "@" not in server.asked[0][1]["host"]
        assert "authorization" not in other.asked[0][1]

    def test_loop(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = status(302, "/a")
        assert "more than 10 redirects" in failure(server.base + "/a", str(cache))

    @pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[::1/x"])
    def test_to_what_is_not_http(self, server: Server, cache: Path, location: str) -> None:
        server.answers["/a"] = status(302, location)
        assert "it redirects to " in failure(server.base + "/a", str(cache))

    def test_refused_where_it_redirects(self, server: Server, other: Server, cache: Path) -> None:
        server.answers["/a"] = status(302, other.base + "/gone?signature=canary")
        text = failure(server.base + "/a", str(cache))
        assert "HTTP 404 Not Found from {0}/gone?***, where it redirects".format(other.base) in text


class TestTls:
    @pytest.fixture(name="tls")
    def _tls(self, tmp_path: Path) -> t.Iterator[tuple[Server, str]]:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(certificate())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca)
        with Server(context) as server:
            yield server, str(ca)
            server.shutdown()

    def test_own_ca(self, tls: tuple[Server, str], cache: Path) -> None:
        server, ca = tls
        server.answers["/a"] = content()
        assert fetch(server.base + "/a", str(cache), sha256=SHA256, ca_path=ca).size == len(BODY)

    def test_unknown_ca_is_told_at_once(self, tls: tuple[Server, str], cache: Path) -> None:
        text = failure(tls[0].base + "/a", str(cache))
        assert "certificate is not trusted: self-signed certificate" in text.replace("self signed", "self-signed")
        assert "ca_path" in text
        assert "tries" not in text

    def test_ca_that_cannot_be_read(self, tls: tuple[Server, str], cache: Path, tmp_path: Path) -> None:
        missing = failure(tls[0].base + "/a", str(cache), ca_path=str(tmp_path / "no.pem"))
        assert "no.pem cannot be read: No such file" in missing
        (tmp_path / "bad.pem").write_text("no certificate")
        assert "bad.pem cannot be read" in failure(tls[0].base + "/a", str(cache), ca_path=str(tmp_path / "bad.pem"))

    def test_down_to_http_is_refused(self, tls: tuple[Server, str], server: Server, cache: Path) -> None:
        tls[0].answers["/down"] = status(302, server.base + "/a")
        server.answers["/a"] = content()
        text = failure(tls[0].base + "/down", str(cache), sha256=SHA256, ca_path=tls[1])
        assert "not protected by TLS" in text
        assert server.asked == []

    def test_up_to_https_without_the_headers(self, tls: tuple[Server, str], server: Server, cache: Path) -> None:
        server.answers["/a"] = status(301, tls[0].base + "/up")
        tls[0].answers["/up"] = content()
        fetch(server.base + "/a", str(cache), sha256=SHA256, ca_path=tls[1], headers=TOKEN)
        assert "authorization" not in dict(tls[0].asked)["/up"]


def certificate() -> bytes:
    """A key and a certificate for 127.0.0.1 that is its own CA."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "obs.stack test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)


class TestProxy:
    URL = "http://upstream.invalid/a"  # only a proxy can know it

    def test_given(self, server: Server, cache: Path) -> None:
        server.answers[self.URL] = content()
        fetch(self.URL, str(cache), sha256=SHA256, proxy=server.base.replace("//", "//me:canary@"))
        assert server.asked[0][1]["proxy-authorization"] == "Basic bWU6Y2FuYXJ5"

    def test_without_scheme(self, server: Server, cache: Path) -> None:
        server.answers[self.URL] = content()
        fetch(self.URL, str(cache), sha256=SHA256, proxy=server.base.partition("//")[2])
        assert server.paths == [self.URL]

    def test_of_the_environment(self, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", server.base)
        server.answers[self.URL] = content()
        fetch(self.URL, str(cache), sha256=SHA256)
        assert server.paths == [self.URL]

    def test_no_proxy_for_a_host(
        self, server: Server, other: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", other.base)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        server.answers["/a"] = content()
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        assert other.asked == []

    def test_refused_by_it(self, server: Server, cache: Path) -> None:
        for url in (self.URL, "https://upstream.invalid/a"):
            server.answers[url] = status(407)
            text = failure(url, str(cache), proxy=server.base.replace("//", "//me:canary@"))
            assert ("HTTP 407" in text and "obs_proxy its user and password" in text) or "501" in text

    def test_not_answering(self, cache: Path) -> None:
        text = failure(self.URL, str(cache), proxy="http://me:canary@127.0.0.1:9", tries=1)
        assert "through the proxy http://***@127.0.0.1:9" in text

    def test_of_another_kind(self, cache: Path) -> None:
        assert "not an http:// proxy" in failure(self.URL, str(cache), proxy="socks5://127.0.0.1:1080")


class TestInput:
    @pytest.mark.parametrize("url", ["ftp://h/a", "/srv/a", "http:///a", "http://h:x/a", "http://[::1/a", "gopher:x"])
    def test_urls_that_cannot_be(self, cache: Path, url: str) -> None:
        assert "Correct the URL" in failure(url, str(cache))

    def test_blank_in_the_url(self, server: Server, cache: Path) -> None:
        assert "not a valid URL" in failure(server.base + "/a b", str(cache))

    @pytest.mark.parametrize("headers", [{"X-Token": "canary\r\nX: y"}, {"X Token": "canary"}, {"": "canary"}])
    def test_headers_that_cannot_be(self, server: Server, cache: Path, headers: dict[str, str]) -> None:
        assert "is not a valid HTTP header" in failure(server.base + "/a", str(cache), headers=headers)

    def test_credentials_are_masked_in_errors(self, server: Server, cache: Path) -> None:
        url = server.base.replace("//", "//me:canary@") + "/a?token=canary"
        assert "//***@127.0.0.1:" in failure(url, str(cache))
        assert masked("https://tok@h/x?y#z") == "https://***@h/x?***"
        assert masked("https://h:1/x") == "https://h:1/x"


class TestMirror:
    UPSTREAM = "https://github.com/prometheus/prometheus/releases/download/v3.13.5/a.tar.gz"
    PATH = "github.com/prometheus/prometheus/releases/download/v3.13.5/a.tar.gz"

    @pytest.mark.parametrize(
        ("mirror", "url"),
        [
            ("", UPSTREAM),
            ("http://m", "http://m/" + PATH),
            ("https://me:x@m:8443/obs//", "https://me:x@m:8443/obs/" + PATH),
            ("file:///srv/mirror/", "file:///srv/mirror/" + PATH),
        ],
    )
    def test_layout(self, mirror: str, url: str) -> None:
        assert mirrored(self.UPSTREAM, mirror) == url

    def test_query_port_and_case(self) -> None:
        url = "https://me:x@Dl.Grafana.com:8443/oss/a.tar.gz?x=1#top"
        assert mirrored(url, "http://m/base/?k=v") == "http://m/base/dl.grafana.com:8443/oss/a.tar.gz?k=v&x=1"
        assert mirrored(url, "file:///m") == "file:///m/dl.grafana.com:8443/oss/a.tar.gz"

    def test_a_file_needs_no_mirror(self) -> None:
        assert mirrored("file:///a", "http://m") == "file:///a"

    @pytest.mark.parametrize("mirror", ["/srv/mirror", "m.example.com/x", "ftp://m", "http://"])
    def test_what_is_no_mirror(self, cache: Path, mirror: str) -> None:
        assert "obs_mirror" in failure(self.UPSTREAM, str(cache), mirror=mirror)

    def test_from_files(self, tmp_path: Path, cache: Path) -> None:
        path = tmp_path / "with space" / self.PATH
        path.parent.mkdir(parents=True)
        path.write_bytes(BODY)
        mirror = (tmp_path / "with space").as_uri()
        found = fetch(self.UPSTREAM, str(cache), sha256=SHA256, mirror=mirror)
        assert Path(found.path).read_bytes() == BODY
        text = failure(self.UPSTREAM + ".gone", str(cache), mirror=mirror)
        assert "No such file" in text
        assert "obs_mirror" in text

    def test_over_http(self, server: Server, cache: Path) -> None:
        server.answers["/m/" + self.PATH] = content()
        fetch(self.UPSTREAM, str(cache), sha256=SHA256, mirror=server.base + "/m/")
        assert server.paths == ["/m/" + self.PATH]


class TestText:
    @pytest.mark.parametrize(
        "text",
        [
            "{0}  a.tar.gz\n{1}  b.tar.gz\n",  # sha256sums.txt, SHA256SUMS
            "{0}",  # grafana-….tar.gz.sha256 to 12.4.2
            "{0}  dist/grafana_12.4.3_1_linux_amd64.tar.gz\n",  # from 12.4.3
        ],
    )
    def test_checksums_then_the_file(self, server: Server, cache: Path, text: str) -> None:
        server.answers["/sums"] = status(302, "/sums2")
        server.answers["/sums2"] = content(text.format(SHA256, "0" * 64).encode())
        server.answers["/a.tar.gz"] = content()
        digest = find(fetch_text(server.base + "/sums"), "a.tar.gz")
        assert fetch(server.base + "/a.tar.gz", str(cache), sha256=digest).size == len(BODY)

    def test_tried_again(self, server: Server) -> None:
        server.answers["/sums"] = in_turn(content(b"x" * 80, missing=3), status(502), content(b"good"))
        assert fetch_text(server.base + "/sums") == "good"

    def test_too_long(self, server: Server) -> None:
        server.answers["/sums"] = content(b"x" * ((1 << 20) + 1))
        with pytest.raises(FetchError, match="longer than 1048576 bytes"):
            fetch_text(server.base + "/sums")

    def test_no_text(self, server: Server) -> None:
        server.answers["/sums"] = content(b"\x1f\x8b\xff")
        with pytest.raises(FetchError, match="not text"):
            fetch_text(server.base + "/sums")


def _fetch_in_process(url: str, cache: str, results: t.Any) -> None:
    results.put(fetch(url, cache, sha256=SHA256).path)


class TestCache:
    def test_parallel_processes_fetch_once(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content(pause=0.3)
        fork = multiprocessing.get_context("fork")
        results = fork.Queue()
        forks = [
            fork.Process(target=_fetch_in_process, args=(server.base + "/a", str(cache), results))
            for _unused in range(4)
        ]
        for process in forks:
            process.start()
        paths = {results.get(timeout=10) for _unused in forks}
        for process in forks:
            process.join(10)
        assert paths == {str(cache.resolve() / SHA256)}
        assert server.paths == ["/a"]

    def test_what_a_killed_run_left_is_overwritten(self, server: Server, cache: Path) -> None:
        server.answers["/a"] = content()
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        (lock,) = cache.glob("*.lock")
        lock.with_suffix(".part").write_bytes(BODY + BODY)
        (cache / SHA256).unlink()
        fetch(server.base + "/a", str(cache), sha256=SHA256)
        assert sorted(cache.iterdir()) == sorted([lock, cache / SHA256])

    def test_private(self, server: Server, cache: Path) -> None:
        mask = os.umask(0)
        try:
            server.answers["/a"] = content()
            found = fetch(server.base + "/a", str(cache), sha256=SHA256)
        finally:
            os.umask(mask)
        assert cache.stat().st_mode & 0o777 == 0o700
        assert os.stat(found.path).st_mode & 0o777 == 0o600

    def test_others_may_write(self, cache: Path) -> None:
        cache.mkdir()
        cache.chmod(0o770)
        assert "others may write to it (mode 0770)" in failure("http://127.0.0.1:9/a", str(cache))

    def test_parent_where_everybody_may_replace_it(self, tmp_path: Path) -> None:
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        assert "everybody may replace" in failure("http://127.0.0.1:9/a", str(tmp_path / "open" / "cache"))
        (tmp_path / "open").chmod(0o1777)
        assert private_dir(str(tmp_path / "open" / "cache")) == str((tmp_path / "open" / "cache").resolve())

    def test_someone_elses(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.mkdir(mode=0o700)
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert "belongs to user id {0}".format(os.getuid()) in failure("http://127.0.0.1:9/a", str(cache))

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can make links of others")
    def test_link_of_someone_else(self, tmp_path: Path, cache: Path) -> None:
        cache.mkdir(mode=0o700)
        link = tmp_path / "link"
        link.symlink_to(cache)
        assert private_dir(str(link)) == str(cache.resolve())
        os.lchown(link, 4711, 4711)
        assert "is a symbolic link of user id 4711" in failure("http://127.0.0.1:9/a", str(link))
        assert "is a symbolic link of user id 4711" in failure("http://127.0.0.1:9/a", str(link / "below"))

    def test_a_file(self, cache: Path) -> None:
        cache.touch()
        assert "not a directory" in failure("http://127.0.0.1:9/a", str(cache))
        assert "Could not use the cache directory" in failure("http://127.0.0.1:9/a", str(cache / "below"))

    def test_full_disk(self, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        server.answers["/a"] = content()
        real_open = os.open

        def to_full(path: str, flags: int, mode: int = 0o777) -> int:
            return real_open("/dev/full" if path.endswith(".part") else path, flags, mode)

        monkeypatch.setattr(_fetch.os, "open", to_full)
        text = failure(server.base + "/a", str(cache), sha256=SHA256)
        assert re.match(r"Could not store a download in \S+: No space left on device", text)
        assert "cache_dir" in text
        assert server.paths == ["/a"]
