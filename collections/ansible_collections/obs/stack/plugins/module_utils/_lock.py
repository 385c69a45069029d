# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""One run at a time on a service of a host."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ._errors import StackError


@contextmanager
def locked(path: str, *, name: str, patience: float) -> Iterator[None]:
    """Hold the lock of a service; the kernel lets go of it whichever way the process ends.

    Raises:
        StackError: another run held it for all of ``patience`` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
                    raise StackError(
                        f"Could not get the lock of {name}",
                        why="another run (process {}) has held {} for {:.0f} s".format(holder or "?", path, patience),
                        hint="Wait until that run has ended, then run again.",
                        step="lock",
                        doc="lock",
                    ) from None
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
