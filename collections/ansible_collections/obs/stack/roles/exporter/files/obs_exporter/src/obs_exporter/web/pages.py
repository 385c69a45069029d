# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages: /metrics, /probe, /-/healthy, /-/ready, /-/reload."""

from __future__ import annotations

import asyncio
import re
import time

from aiohttp import web

from obs_exporter import __version__, render
from obs_exporter.config import ConfigError
from obs_exporter.errors import CollectError
from obs_exporter.render import Cached
from obs_exporter.samples import Builder, Result
from obs_exporter.site import Site

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
# What a scrape needs beside collecting; the answer must be there before Prometheus hangs up.
OFFSET_SECONDS = 0.25
NO_HEADER_SECONDS = 3600.0
LONGEST_TARGET = 2048

INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>obs-exporter</title></head>
<body><h1>obs-exporter {version}</h1>
<ul><li><a href="metrics">Metrics</a></li><li><a href="-/healthy">Healthy</a></li>
<li><a href="-/ready">Ready</a></li></ul>
<p>Targets of a module: /probe?module=…&amp;target=…</p></body></html>
"""


def budget(request: web.Request) -> float:
    """Seconds that the asking side waits, less what the answer needs itself."""
    told = request.headers.get(TIMEOUT_HEADER, "")
    try:
        seconds = float(told)
    except ValueError:
        return NO_HEADER_SECONDS
    if not 0 < seconds < NO_HEADER_SECONDS:
        return NO_HEADER_SECONDS
    return max(seconds - OFFSET_SECONDS, seconds / 2)


class Pages:
    """All of them, over one site."""

    def __init__(self, site: Site, *, lifecycle: bool) -> None:
        self._site = site
        self._lifecycle = lifecycle

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_get("/", self.index)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/probe", self.probe)
        app.router.add_get("/-/healthy", self.healthy)
        app.router.add_get("/-/ready", self.ready)
        app.router.add_post("/-/reload", self.reload)
        app.router.add_put("/-/reload", self.reload)

    async def index(self, request: web.Request) -> web.Response:
        """Where to go."""
        return web.Response(text=INDEX.format(version=__version__), content_type="text/html")

    async def healthy(self, request: web.Request) -> web.Response:
        """Answers, so it lives."""
        return web.Response(text="obs-exporter is healthy.\n")

    async def ready(self, request: web.Request) -> web.Response:
        """Whether there is a configuration at work, and it is not ending."""
        if self._site.ready:
            return web.Response(text="obs-exporter is ready.\n")
        return web.Response(status=503, text="obs-exporter is starting or stopping.\n")

    async def reload(self, request: web.Request) -> web.Response:
        """Read the configuration anew."""
        if not self._lifecycle:
            return web.Response(status=403, text="Lifecycle API is not enabled: --web.enable-lifecycle\n")
        try:
            await self._site.load()
        except ConfigError as error:
            return web.Response(status=400, text=f"kept the old configuration:\n{error}\n")
        return web.Response(text="")

    async def metrics(self, request: web.Request) -> web.Response:
        """Everything."""
        as_openmetrics = render.wants_openmetrics(request.headers.get("Accept", ""))
        page = await self._site.page(budget(request), as_openmetrics)
        return await _answer(request, page, as_openmetrics)

    async def probe(self, request: web.Request) -> web.Response:
        """One module for one target, as the blackbox exporter has it."""
        name, target = request.query.get("module", ""), request.query.get("target", "")
        runner = self._site.runners.get(name)
        if runner is None:
            return web.Response(status=400, text="there is no such module\n")
        patterns = getattr(runner.config, "targets", [])
        if not patterns:
            return web.Response(status=400, text="this module has no targets to probe\n")
        if not target or len(target) > LONGEST_TARGET:
            return web.Response(status=400, text="the parameter target is missing, or too long\n")
        if not any(re.fullmatch(pattern, target) for pattern in patterns):
            return web.Response(status=403, text="this target is not allowed: targets of the module\n")
        began = time.monotonic()
        try:
            result = await runner.collect(target, budget(request))
            success = 1.0
        except CollectError:
            result, success = Cached(Result([])), 0.0
        own = Builder({}, 10)
        own.add(own.family("probe_success", "gauge", "Whether the target could be collected."), {}, success)
        own.add(own.family("probe_duration_seconds", "gauge", "How long it took."), {}, time.monotonic() - began)
        as_openmetrics = render.wants_openmetrics(request.headers.get("Accept", ""))
        page, _dropped = await asyncio.get_running_loop().run_in_executor(
            None, render.join, [Cached(own.result()), result], as_openmetrics
        )
        return await _answer(request, page, as_openmetrics)


async def _answer(request: web.Request, page: bytes, as_openmetrics: bool) -> web.Response:
    headers = {"Content-Type": render.content_type(as_openmetrics), "Vary": "Accept, Accept-Encoding"}
    wanted = render.wants_gzip(request.headers.get("Accept-Encoding", ""))
    if wanted and len(page) >= render.SMALLEST_PACKED:
        page = await asyncio.get_running_loop().run_in_executor(None, render.pack, page)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=page, headers=headers)
