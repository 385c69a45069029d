# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source of samples is to the rest."""

from __future__ import annotations

from typing import Protocol

from obs_exporter.samples import Result


class Source(Protocol):
    """One module at work."""

    async def start(self) -> None:
        """Begin what goes on by itself."""

    async def stop(self) -> None:
        """End it, and keep what must be kept."""

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Samples of now. target: of /probe, allowed already. timeout: seconds; who calls enforces it as well.

        Raises:
            CollectError: with the reason for the metric.
        """


class Plain:
    """A source with nothing to begin or to end."""

    async def start(self) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""
