# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that may hang, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from obs_exporter.errors import CollectError

T = TypeVar("T")


class Threads:
    """At most `most` threads of one module. One that hangs keeps its place, so hanging ones do not pile up."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._places = threading.BoundedSemaphore(most)

    async def run(self, work: Callable[[], T], cancel: Callable[[], None] | None = None) -> T:
        """What `work` returns or raises.

        Args:
            cancel: called when the caller stops waiting, to make the work end: closes a socket, interrupts a query.

        Raises:
            CollectError: busy: all places are taken by work that does not end.
        """
        if not self._places.acquire(blocking=False):
            raise CollectError("busy", "earlier collections hang; no further one is begun")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def deliver(set_it: Callable[[Any], None], value: Any) -> None:
            if not future.done():
                set_it(value)

        def body() -> None:
            outcome: tuple[Callable[[Any], None], Any]
            try:
                outcome = (future.set_result, work())
            except StopIteration as error:  # a future does not take it
                outcome = (future.set_exception, RuntimeError(f"StopIteration: {error}"))
            except Exception as error:
                outcome = (future.set_exception, error)
            except BaseException as error:  # sys.exit() of a collector ends the collection, not us
                outcome = (future.set_exception, CollectError("error", f"it raised {type(error).__name__}"))
            finally:
                self._places.release()
            try:
                loop.call_soon_threadsafe(deliver, *outcome)
            except RuntimeError:  # the loop has ended meanwhile
                pass

        # daemon: a hanging one must not keep the process from ending.
        threading.Thread(target=body, name=self._name, daemon=True).start()
        try:
            return await future
        except asyncio.CancelledError:
            if cancel is not None:
                cancel()
            raise
