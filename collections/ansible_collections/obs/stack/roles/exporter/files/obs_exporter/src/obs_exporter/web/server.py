# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server: addresses, TLS, who may ask, a graceful end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from obs_exporter.config import ConfigError
from obs_exporter.journal import say
from obs_exporter.own import Own
from obs_exporter.site import Site
from obs_exporter.web.config import WebFile
from obs_exporter.web.pages import Pages
from obs_exporter.web.users import Users

STOP_SECONDS = 15.0
MOST_CONNECTIONS = 200
KNOWN_PATHS = frozenset(["/", "/metrics", "/probe", "/-/healthy", "/-/ready", "/-/reload"])


def split_address(address: str) -> tuple[str | None, int]:
    """Host (None: all addresses) and port of HOST:PORT, :PORT or [::1]:PORT.

    Raises:
        ValueError: it is none.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is no HOST:PORT")
    return host.strip("[]") or None, int(port)


def application(site: Site, web_file: WebFile | None, *, lifecycle: bool) -> web.Application:
    """All pages behind the access that the web configuration asks for."""
    users = Users()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        extra: dict[str, str] = {}
        try:
            if web_file is not None:
                config = web_file.current()
                extra = config.http_server_config.headers
                known = config.basic_auth_users
                if known and not await users.may(request.headers.get("Authorization", ""), known):
                    denied = web.Response(status=401, text="Unauthorized\n", headers={"WWW-Authenticate": "Basic"})
                    return _counted(site.own, request, denied, extra)
            answer = await handler(request)
        except ConfigError as error:
            say(logging.ERROR, "the web configuration cannot be used", error=error)
            answer = web.Response(status=500, text="the web configuration cannot be used\n")
        except web.HTTPException as error:
            answer = web.Response(status=error.status, text=f"{error.reason}\n")
            answer.headers.update({key: value for key, value in error.headers.items() if key == "Allow"})
        except asyncio.CancelledError:
            raise
        except Exception as error:
            say(logging.ERROR, "cannot answer", path=request.path, error=f"{type(error).__name__}: {error}")
            answer = web.Response(status=500, text="cannot answer; the log says why\n")
        return _counted(site.own, request, answer, extra)

    app = web.Application(middlewares=[guard], client_max_size=64 * 1024)
    Pages(site, lifecycle=lifecycle).add_to(app)
    return app


def _counted(own: Own, request: web.Request, answer: web.StreamResponse, extra: dict[str, str]) -> web.StreamResponse:
    answer.headers.update(extra)
    handler = request.path if request.path in KNOWN_PATHS else "other"
    own.requests.labels(handler, str(answer.status)).inc()
    return answer


def tls_of(web_file: WebFile | None) -> ssl.SSLContext | None:
    """A context that takes the present certificates for each connection. Raises ConfigError."""
    if web_file is None or web_file.context() is None:
        return None
    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def choose(connection: Any, name: str | None, context: ssl.SSLContext) -> int | None:
        try:
            chosen = web_file.context()
        except ConfigError as error:
            say(logging.ERROR, "the web configuration cannot be used", error=error)
            chosen = None
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        connection.context = chosen
        return None

    first = web_file.current().tls_server_config
    inner = web_file.context()
    if first is None or inner is None:
        return None
    # Versions and the question for a client's certificate are settled before a name is seen: they are the start's.
    outer.minimum_version, outer.maximum_version = inner.minimum_version, inner.maximum_version
    folder = web_file.folder
    outer.load_cert_chain(folder / first.cert_file, folder / first.key_file)
    if first.client_ca_file:
        outer.load_verify_locations(folder / first.client_ca_file)
        outer.verify_mode = inner.verify_mode
    if first.cipher_suites:
        outer.set_ciphers(":".join(first.cipher_suites))
    outer.sni_callback = choose
    return outer


async def serve(site: Site, addresses: list[str], web_config: Path | None, *, lifecycle: bool) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration anew.

    Raises:
        ConfigError: the configuration or the web configuration cannot be used.
        OSError, ValueError: an address cannot be listened on.
    """
    web_file = WebFile(web_config) if web_config is not None else None
    context = tls_of(web_file)
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        task = loop.create_task(_reload(site))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    runner = web.AppRunner(
        application(site, web_file, lifecycle=lifecycle),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=STOP_SECONDS,
        keepalive_timeout=75,
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    try:
        for address in addresses:
            host, port = split_address(address)
            made = web.TCPSite(runner, host, port, ssl_context=context, backlog=128)
            await made.start()
            say(logging.INFO, "listening", address=_bound(made, address), tls=context is not None)
        await site.load()
        await ending.wait()
        say(logging.INFO, "ending")
        site.ready = False
    finally:
        # Answers that are under way are finished first, then positions are saved.
        await runner.cleanup()
        await site.stop()


async def _reload(site: Site) -> None:
    try:
        await site.load()
    except ConfigError:
        pass  # said and counted already


def _bound(made: web.TCPSite, address: str) -> str:
    server = made._server
    sockets: list[socket.socket] = list(getattr(server, "sockets", None) or [])
    return "{}:{}".format(*sockets[0].getsockname()[:2]) if sockets else address
