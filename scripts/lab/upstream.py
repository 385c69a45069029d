"""Upstream's release archives, where they can be reached."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from scripts.lab import packing

PROBE_SECONDS = 5
DOWNLOAD_SECONDS = 60
FORGET_AFTER = 3600  # seconds until an unreachable host is asked again


class Unobtainable(Exception):
    """A file that cannot be had from there; str() says why."""


class Upstream:
    """Downloads, remembering which hosts did not answer so that a run asks each only once."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory

    def fetch(self, url: str, target: Path) -> None:
        """Download one file, whole or not at all. Raises Unobtainable."""
        host = url.split("/")[2]
        self._refuse_known(host)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.new")
        try:
            # The probe is a request of its own, because a proxy that swallows packets takes a long timeout to tell.
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS):
                pass
            with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as answer, unfinished.open("wb") as stream:
                shutil.copyfileobj(answer, stream)
        except urllib.error.HTTPError as error:
            if error.code not in (404, 410):
                self._remember(host)
            raise Unobtainable(f"{url}: HTTP {error.code}") from error
        except OSError as error:
            self._remember(host)
            raise Unobtainable(f"{url}: {error}") from error
        unfinished.rename(target)

    def fetch_archive(self, url: str, sums: Path, target: Path) -> None:
        """Download an archive and hold it against the release's checksum file. Raises Unobtainable."""
        expected = packing.read_sums(sums.read_text()).get(target.name)
        self.fetch(url, target)
        found = packing.sha256(target)
        if found != expected:
            target.unlink()
            raise Unobtainable(f"{url}: sha256 is {found}, {sums.name} says {expected or 'nothing'}")

    def _refuse_known(self, host: str) -> None:
        if time.time() - self._known().get(host, 0) < FORGET_AFTER:
            raise Unobtainable(f"{host} did not answer within the last hour")

    def _known(self) -> dict[str, float]:
        try:
            return json.loads(self._memory.read_text())
        except (OSError, ValueError):
            return {}

    def _remember(self, host: str) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        self._memory.write_text(json.dumps({**self._known(), host: time.time()}))
