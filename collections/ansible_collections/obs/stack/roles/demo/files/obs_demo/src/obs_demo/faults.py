# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misbehaviour on command: a share of errors, and latency, for a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_SECONDS = 3600.0
LONGEST_LATENCY = 30.0


@dataclass
class Faults:
    """What goes wrong now. error_ratio: 0 to 1; latency: seconds added to each request; ends by itself."""

    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    error_ratio: float = 0.0
    latency: float = 0.0
    until: float = field(default=0.0)

    def begin(self, error_ratio: float, latency: float, seconds: float) -> None:
        """Misbehave for a number of seconds.

        Raises:
            ValueError: a value is out of its range.
        """
        if not 0 <= error_ratio <= 1:
            raise ValueError("error_ratio is a share from 0 to 1")
        if not 0 <= latency <= LONGEST_LATENCY:
            raise ValueError(f"latency is 0 to {LONGEST_LATENCY:.0f} seconds")
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds is more than 0 and at most {LONGEST_SECONDS:.0f}")
        self.error_ratio, self.latency, self.until = error_ratio, latency, self.clock() + seconds

    def end(self) -> None:
        """Behave again."""
        self.error_ratio = self.latency = self.until = 0.0

    @property
    def active(self) -> bool:
        """Whether something goes wrong now."""
        return self.clock() < self.until

    def delay(self) -> float:
        """Seconds to add to this request."""
        return self.latency if self.active else 0.0

    def strikes(self) -> bool:
        """Whether this request fails."""
        return self.active and self.chance() < self.error_ratio
