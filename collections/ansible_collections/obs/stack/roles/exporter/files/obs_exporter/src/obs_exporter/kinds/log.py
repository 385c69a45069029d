# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind log: a thread that follows files and counts; what is shown is what was saved."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from pathlib import Path

from obs_exporter.config.logs import Log
from obs_exporter.errors import CollectError
from obs_exporter.journal import say
from obs_exporter.kinds.connections import active
from obs_exporter.log.count import Counting
from obs_exporter.log.follow import Follower
from obs_exporter.log.state import StateError, load, save
from obs_exporter.own import Own
from obs_exporter.render import Cached
from obs_exporter.samples import Builder, Result

STOP_SECONDS = 10.0


class LogSource:
    """One module's files. state: file for position and counters; None keeps them in memory."""

    def __init__(self, name: str, config: Log, state: Path | None, own: Own) -> None:
        self._name = name
        self._config = config
        self._state = state
        self._own = own
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._shown: Cached | None = None
        self._looked_at = 0.0  # monotonic; when all there was had been read and shown
        self._problem = ""
        self._unsaved = ""
        self._failed: str | None = None
        self._counting = Counting(config)
        self._follower = Follower(config.paths, config.max_line, config.max_files, config.start)

    async def start(self) -> None:
        """Take up the saved state, and follow."""
        self._restore()
        self._publish()
        self._thread = threading.Thread(target=self._run, name=f"{self._name}-log", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Save, and let go of the files."""
        self._stop.set()
        thread = self._thread
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, thread.join, STOP_SECONDS)

    @property
    def age(self) -> float:
        """Seconds since what is shown was all there was."""
        return time.monotonic() - self._looked_at if self._looked_at else float("inf")

    async def caught_up(self) -> None:
        """Wait until everything there is has been read once."""
        while not self._looked_at and self._failed is None:
            await asyncio.sleep(0.02)

    async def collect(self, target: str | None, timeout: float) -> Result:
        """What was counted and saved last. See Source."""
        if self._failed is not None:
            raise CollectError("error", self._failed)
        if self._problem:
            raise CollectError("upstream", self._problem)
        return self._shown or Result([])

    async def result(self, timeout: float) -> Cached:
        """What is served: the log's numbers, app_info, active connections; also while nothing can be read."""
        shown = self._shown or Cached(Result([]))
        builder = Builder(self._config.labels, self._config.max_series)
        app, connections = self._config.app, self._config.connections
        if app is not None:
            info = builder.family("app", "info", "What runs.")
            builder.add(info, {"version": app.version, "environment": app.environment}, 1.0)
        if connections is not None:
            # Without an answer there is no series; the log's are none of its business.
            with contextlib.suppress(CollectError, asyncio.TimeoutError):
                count = await asyncio.wait_for(active(connections, timeout), timeout)
                family = builder.family("app_active_connections", "gauge", "Connections that are open now.")
                builder.add(family, {}, count)
        more = builder.result()
        if not more.families:
            return shown
        whole = Cached(Result([*shown.families, *more.families], shown.series + more.series))
        whole.share(shown)
        return whole

    def _restore(self) -> None:
        if self._state is None:
            return
        try:
            found = load(self._state)
            if found is not None:
                counting = Counting(self._config)
                counting.restore(found["counting"])
                self._follower.restore(found["follower"])
                self._counting = counting
        except (StateError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            # Numbers and position begin anew together: a reset, as any counter may have.
            say(logging.ERROR, "began anew: the saved state cannot be used", module=self._name, error=error)
            self._follower.close()
            self._follower = Follower(
                self._config.paths, self._config.max_line, self._config.max_files, self._config.start
            )
            with contextlib.suppress(OSError):
                self._state.replace(self._state.with_name(self._state.name + ".broken"))

    def _run(self) -> None:
        try:
            saved_at, dirty, first = time.monotonic(), False, True
            while True:
                before = time.monotonic()
                for chunk in self._follower.poll():
                    self._counting.feed(chunk)
                    dirty = True
                    if not first and time.monotonic() - saved_at >= max(self._config.save, 1.0):
                        self._keep()
                        saved_at, dirty = time.monotonic(), False
                    if self._stop.is_set():
                        break
                ending = self._stop.is_set()
                if (dirty or first) and (ending or time.monotonic() - saved_at >= self._config.save or first):
                    self._keep()
                    saved_at, dirty, first = time.monotonic(), False, False
                if not dirty and not self._follower.more:
                    self._looked_at = before
                self._tell()
                if ending:
                    break
                if not self._follower.more:
                    self._stop.wait(self._config.poll)
            self._follower.close()
        except Exception as error:
            # Nothing is expected here; said on every scrape rather than silently standing still.
            self._failed = f"following ended: {type(error).__name__}: {error}"
            say(logging.ERROR, "following ended", module=self._name, error=f"{type(error).__name__}: {error}")

    def _keep(self) -> None:
        """Save, then show: what was shown once is never taken back, whatever kills us."""
        problem = ""
        if self._state is not None:
            try:
                save(self._state, {"counting": self._counting.state(), "follower": self._follower.state()})
            except StateError as error:
                problem = str(error)
            self._own.log_saved.labels(self._name).set(0 if problem else 1)
            if problem and problem != self._unsaved:
                say(logging.ERROR, "counters go on unsaved", module=self._name, error=problem)
        self._unsaved = problem
        self._publish()

    def _publish(self) -> None:
        builder = Builder(self._config.labels, self._config.max_series)
        self._counting.collect(builder)
        self._shown = Cached(builder.result())

    def _tell(self) -> None:
        own, name = self._own, self._name
        problem = self._follower.problem
        if problem != self._problem:
            say(logging.WARNING if problem else logging.INFO, problem or "reading again", module=name)
            self._problem = problem
        for result, count in self._counting.lines.items():
            own.raise_to(own.log_lines, name, count, result)
        counts = self._follower.counts
        own.raise_to(own.log_lines, name, counts["too_long"], "too_long")
        own.raise_to(own.log_bytes, name, counts["bytes"])
        for change in ("rotated", "truncated", "lost"):
            own.raise_to(own.log_events, name, counts[change], change)
        own.log_files.labels(name).set(len(self._follower.tails))
        own.log_behind.labels(name).set(self._follower.behind())
        own.drop(name, self._counting.take_dropped())
