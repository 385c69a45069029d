# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The one error family of the collection: what could not be done, why, and what to do next."""

from __future__ import annotations


class StackError(Exception):
    """An expected failure, told in one or two lines.

    Args:
        what: what could not be done, to which thing, where ("Could not fetch prometheus 3.13.5 from https://…").
        why: the cause, in the words of whoever refused (a checker, the kernel, a server).
        hint: what to do next, naming the variable or command.
        step: the phase of the transaction it happened in ("check", "probe", …), or empty.
        doc: section of docs/troubleshooting.md that explains it (its anchor, without '#'), or empty.
    """

    def __init__(self, what: str, *, why: str = "", hint: str = "", step: str = "", doc: str = "") -> None:
        self.what = what.rstrip(".")
        self.why = why.strip()
        self.hint = hint.strip()
        self.step = step
        self.doc = doc
        super().__init__(str(self))

    def __str__(self) -> str:
        first = self.what if not self.why else "{}: {}".format(self.what, self.why.rstrip("."))
        second = self.hint
        if self.doc:
            second = f"{second} See docs/troubleshooting.md#{self.doc}.".strip()
        return f"{first}.\n{second}" if second else f"{first}."
