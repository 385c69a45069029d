# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind http_json."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.parse
import zlib

import aiohttp

from obs_exporter import __version__
from obs_exporter.config.kinds import TARGET, HttpJson, Tls
from obs_exporter.errors import CollectError
from obs_exporter.kinds.base import Plain
from obs_exporter.mapping import map_document
from obs_exporter.samples import Builder, Result
from obs_exporter.secrets import read_secret, remember
from obs_exporter.threads import Threads

MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 64 * 1024


def tls_context(tls: Tls) -> ssl.SSLContext:
    """How servers are trusted.

    Raises:
        CollectError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise CollectError("error", f"cannot use the TLS files: {error.strerror or error}") from None
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Unpacker:
    """Plain or gzipped pieces to a whole that stays below a size, also where it is a bomb."""

    def __init__(self, encoding: str, most: int) -> None:
        if encoding not in ("", "identity", "gzip"):
            raise CollectError("malformed", f"the answer is packed with {encoding!r}, which was not asked for")
        self._gzip = zlib.decompressobj(31) if encoding == "gzip" else None
        self._most = most
        self._whole = bytearray()

    def add(self, piece: bytes) -> None:
        if self._gzip is None:
            self._whole += piece
        else:
            try:
                self._whole += self._gzip.decompress(piece, self._most + 1 - len(self._whole))
            except zlib.error:
                raise CollectError("malformed", "the answer is no gzip, although it says so") from None
        if len(self._whole) > self._most or (self._gzip is not None and self._gzip.unconsumed_tail):
            raise CollectError("too_large", f"the answer is larger than {self._most} bytes")

    def whole(self) -> bytes:
        if self._gzip is not None and not self._gzip.eof:
            raise CollectError("malformed", "the answer's gzip ends too early")
        return bytes(self._whole)


class HttpJsonSource(Plain):
    """Asks, reads no more than it may, and maps."""

    def __init__(self, name: str, config: HttpJson) -> None:
        self._config = config
        self._threads = Threads(f"{name}-map", config.concurrency)

    def address(self, target: str | None) -> str:
        """The URL to ask.

        Raises:
            CollectError: a target that cannot stand where it should.
        """
        url = self._config.url
        if target is None:
            return url or ""
        if url is None or TARGET not in url:
            if not target.startswith(("http://", "https://")):
                raise CollectError("error", "the target is no http:// or https:// URL")
            return target
        if any(char in target for char in "/@?#\\%") or not target.isprintable() or " " in target:
            raise CollectError("error", "the target is no host, with or without port")
        return url.replace(TARGET, target)

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Ask and map. See Source."""
        content = await self._get(self.address(target), timeout)
        return await self._threads.run(lambda: self._map(content))

    def _map(self, content: bytes) -> Result:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise CollectError("malformed", "the answer is no JSON") from None
        builder = Builder(self._config.labels, self._config.max_series)
        map_document(self._config.metrics, document, builder)
        return builder.result()

    async def _get(self, url: str, timeout: float) -> bytes:
        if url.startswith("file:///"):
            return await self._threads.run(lambda: _read_file(url[len("file://") :], self._config.max_response_size))
        headers = self._headers()
        # A connection of its own each time: what one answer leaves behind cannot hurt the next.
        connector = aiohttp.TCPConnector(ssl=tls_context(self._config.tls), force_close=True, limit=1)
        limits = aiohttp.ClientTimeout(total=timeout)
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                timeout=limits,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_line_size=16384,
                max_field_size=16384,
            ) as session:
                return await self._follow(session, url, headers)
        except asyncio.TimeoutError:
            raise CollectError("timeout", f"no whole answer within {timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CollectError("upstream", f"cannot ask {_shown(url)}: {_why(error)}") from None

    async def _follow(self, session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> bytes:
        here = url
        for _step in range(MOST_REDIRECTS + 1):
            body = self._config.body if self._config.method == "POST" else None
            name = self._config.tls.server_name
            async with session.request(
                self._config.method,
                here,
                headers=headers,
                data=body,
                allow_redirects=False,
                server_hostname=name,
            ) as answer:
                if answer.status in _REDIRECTS and self._config.follow_redirects:
                    there = urllib.parse.urljoin(here, answer.headers.get("Location", ""))
                    if _origin(there) != _origin(here):
                        raise CollectError("upstream", "the answer is a redirect to another server")
                    here = there
                    continue
                good = self._config.valid_status or range(200, 300)
                if answer.status not in good:
                    raise CollectError("upstream", f"the answer has status {answer.status}")
                return await self._body(answer)
        raise CollectError("upstream", f"more than {MOST_REDIRECTS} redirects")

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        unpacker = _Unpacker(answer.headers.get("Content-Encoding", "").lower(), self._config.max_response_size)
        async for piece in answer.content.iter_chunked(_PIECE):
            unpacker.add(piece)
        return unpacker.whole()

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": f"obs-exporter/{__version__}"}
        headers.update(self._config.headers)
        headers.update({name: read_secret(path) for name, path in self._config.headers_files.items()})
        if self._config.bearer_token_file:
            headers["Authorization"] = f"Bearer {read_secret(self._config.bearer_token_file)}"
        if self._config.basic_auth:
            password = read_secret(self._config.basic_auth.password_file)
            headers["Authorization"] = aiohttp.BasicAuth(self._config.basic_auth.username, password, "utf-8").encode()
            remember(headers["Authorization"].split()[1])
        return headers


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _shown(url: str) -> str:
    """A URL as messages have it: tokens stand in queries as well."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or error.os_error)
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _read_file(path: str, most: int) -> bytes:
    try:
        with open(urllib.parse.unquote(path), "rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise CollectError("upstream", f"cannot read {path}: {error.strerror}") from None
    if len(content) > most:
        raise CollectError("too_large", f"{path} is larger than {most} bytes")
    return content
