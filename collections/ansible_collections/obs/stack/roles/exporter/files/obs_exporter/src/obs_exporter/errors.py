# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong while collecting, in words that hold no secret."""

from __future__ import annotations


class CollectError(Exception):
    """A collection failed. `reason` is a short word for a metric's label, str() says why."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


REASONS = ("success", "timeout", "error", "busy", "too_large", "malformed", "upstream")
