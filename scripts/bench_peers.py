# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the benchmark holds us against, and how they come to what they need."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from scripts.bench_host import BenchError

# Each in a part of its own.
PEERS = ("prometheus.prometheus", "community.grafana")


def peer_folder(name: str) -> Path | None:
    """PEER_COLLECTIONS, where it holds a collection; None for no comparison with that one.

    Raises:
        BenchError: it holds none of those that we compare with.
    """
    if not os.environ.get("PEER_COLLECTIONS"):
        return None
    there = Path(os.environ["PEER_COLLECTIONS"]).resolve()
    held = {one for one in PEERS if (there / "ansible_collections" / one.replace(".", "/")).is_dir()}
    if not held:
        raise BenchError(f"PEER_COLLECTIONS={there} holds neither of {', '.join(PEERS)} below ansible_collections")
    return there if name in held else None


@contextlib.contextmanager
def mirror(store: Path) -> Iterator[str]:
    """The store's mirror over HTTP on loopback, for whoever cannot read file:// addresses."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(store / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
