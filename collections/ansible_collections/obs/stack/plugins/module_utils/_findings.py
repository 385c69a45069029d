# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""One thing that a check looked at, as modules return it and reports read it."""

from __future__ import annotations

import typing as t

OK, WARNING, WRONG, SKIPPED = "ok", "warning", "WRONG", "skipped"
STATES = (OK, WARNING, WRONG, SKIPPED)


class Finding(t.NamedTuple):
    """One thing looked at.

    Attributes:
        check: what kind of thing, such as ``dns``.
        target: which one.
        state: one of ``STATES``.
        detail: how it is, or what is wrong.
        seconds: how long it took; below zero when that says nothing.
    """

    check: str
    target: str
    state: str
    detail: str
    seconds: float = -1.0

    def as_result(self) -> dict[str, t.Any]:
        """As a module returns it."""
        return self._replace(seconds=round(self.seconds, 1))._asdict()
