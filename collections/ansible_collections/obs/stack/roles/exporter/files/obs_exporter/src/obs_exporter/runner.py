# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One module at work: when it is collected, for how long, how many at a time, and what is served of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from obs_exporter import tracing
from obs_exporter.config.kinds import TARGET
from obs_exporter.config.model import Module
from obs_exporter.errors import CollectError
from obs_exporter.journal import say
from obs_exporter.kinds.base import Source
from obs_exporter.kinds.log import LogSource
from obs_exporter.own import Own
from obs_exporter.render import Cached
from obs_exporter.secrets import hide


class Runner:
    """A module with its source."""

    def __init__(self, name: str, config: Module, source: Source, own: Own) -> None:
        self.name = name
        self.config = config
        self._source = source
        self._own = own
        self._places = asyncio.Semaphore(config.concurrency)
        self._held: Cached | None = None
        self._held_at = self._began = time.monotonic()
        self._shared: asyncio.Task[Cached] | None = None
        self._loop: asyncio.Task[None] | None = None
        self._said = ""

    @property
    def scraped(self) -> bool:
        """Whether /metrics has it: not where each target is asked for by /probe."""
        url = getattr(self.config, "url", "")
        return not (self.config.kind in ("http_json", "sql") and (url is None or TARGET in url))

    async def start(self) -> None:
        """Begin what goes on by itself."""
        self._began = time.monotonic()
        await self._source.start()
        self._own.max_age.remove_by_labels({"module": self.name})
        if self.config.interval > 0 and self.scraped:
            self._own.max_age.labels(self.name).set(self.config.oldest)
            self._loop = asyncio.create_task(self._go_on(), name=f"{self.name}-interval")

    async def stop(self) -> None:
        """End it."""
        for task in (self._loop, self._shared):
            if task is not None:
                await _end(task)
        await self._source.stop()

    async def once(self) -> None:
        """Have something to serve, for a page that is printed without a server."""
        if isinstance(self._source, LogSource):
            await self._source.caught_up()
        elif self.config.interval > 0 and self._held is None:
            with contextlib.suppress(CollectError):
                await self.collect(None, self.config.timeout)

    async def serve(self, budget: float) -> Cached | None:
        """What /metrics shows of it; None where there is nothing fresh. budget: seconds."""
        if isinstance(self._source, LogSource):
            return await self._serve_log(self._source, budget)
        if self.config.interval > 0:
            age = time.monotonic() - (self._held_at if self._held is not None else self._began)
            self._own.age.labels(self.name).set(age)
            return self._held if self._held is not None and age <= self.config.oldest else None
        # Who asks while a collection is under way shares it: a pair of Prometheis costs as much as one.
        if self._shared is None or self._shared.done():
            self._shared = asyncio.create_task(self.collect(None, budget), name=f"{self.name}-collect")
        shared = self._shared
        await asyncio.wait({shared}, timeout=budget + 0.1)
        # Cancelled: the configuration changed meanwhile, and this module is no more.
        if not shared.done() or shared.cancelled() or shared.exception() is not None:
            self._own.age.labels(self.name).set(
                time.monotonic() - (self._held_at if self._held is not None else self._began)
            )
            return None
        self._own.age.labels(self.name).set(0.0)
        return shared.result()

    async def _serve_log(self, source: LogSource, budget: float) -> Cached:
        problem = ""
        try:
            await source.collect(None, budget)
        except CollectError as error:
            problem = str(error)
        self._own.success.labels(self.name).set(0 if problem else 1)
        self._own.age.labels(self.name).set(min(source.age, time.monotonic() - self._began))
        found = await source.result(budget)
        self._own.series.labels(self.name).set(found.series)
        return found

    async def collect(self, target: str | None, budget: float) -> Cached:
        """Collect now, within the module's time and the asker's.

        Raises:
            CollectError: with the reason; it is counted and logged already.
        """
        began = time.monotonic()
        limit = min(self.config.timeout, budget)
        with tracing.span(f"collect {self.name}", **{"obs.module": self.name, "obs.kind": self.config.kind}) as span:
            try:
                result = await asyncio.wait_for(self._in_turn(target, limit), limit)
            except asyncio.TimeoutError:
                failure = CollectError("timeout", f"not done within {limit:g} s")
            except CollectError as error:
                failure = error
            except asyncio.CancelledError:
                raise
            except Exception as error:
                failure = CollectError("error", f"{type(error).__name__}: {error}")
            else:
                self._succeeded(result, time.monotonic() - began, shared=target is None)
                return result
            tracing.failed(span, failure.reason)
            self._failed(failure, time.monotonic() - began, target)
            raise failure

    async def _in_turn(self, target: str | None, limit: float) -> Cached:
        async with self._places:
            return Cached(await self._source.collect(target, limit))

    def _succeeded(self, result: Cached, seconds: float, *, shared: bool) -> None:
        own, name = self._own, self.name
        own.collections.labels(name, "success").inc()
        own.duration.labels(name).observe(seconds)
        own.drop(name, result.dropped)
        own.series.labels(name).set(result.series)
        if shared:
            own.success.labels(name).set(1)
            self._held, self._held_at = result, time.monotonic()
            if self._said:
                say(logging.INFO, "collected again", module=name)
                self._said = ""
        say(logging.DEBUG, "collected", module=name, seconds=f"{seconds:.3f}", series=result.series)

    def _failed(self, error: CollectError, seconds: float, target: str | None) -> None:
        own, name = self._own, self.name
        own.collections.labels(name, error.reason).inc()
        own.duration.labels(name).observe(seconds)
        message = hide(str(error))
        if target is None:
            own.success.labels(name).set(0)
            # Once, not at each scrape.
            if self._said != message:
                say(logging.WARNING, "cannot collect", module=name, reason=error.reason, error=message)
                self._said = message
        else:
            say(logging.DEBUG, "cannot probe", module=name, reason=error.reason, error=message)

    async def _go_on(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.collect(None, self.config.timeout)
            except CollectError:
                pass
            await asyncio.sleep(max(0.0, self.config.interval - (time.monotonic() - began)))


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended.

    Once is not enough: before Python 3.12 wait_for loses a cancellation that comes as its result does.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
    await asyncio.gather(task, return_exceptions=True)
