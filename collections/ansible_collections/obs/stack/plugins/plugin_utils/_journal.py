# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How a service's journal is read: the same words for the playbook and for following it."""

from __future__ import annotations

import re

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

LINES = 100
_SHORT = re.compile(r"\d+\s*(?:s|m|min|h|d|w)")


def journal_command(unit: str, *, since: str = "", lines: str = "", follow: bool = False) -> list[str]:
    """The journalctl command for a unit.

    Args:
        unit: name of the service.
        since: a duration back from now (``15m``, ``2h``, ``1d``), or any time that journalctl reads (``09:00``,
            ``2026-11-22 09:00``, ``yesterday``). Empty: from the start, or the last lines.
        lines: how many of the last lines; empty means all with ``since``, and 100 without.
        follow: whether to stay and show what comes.

    Raises:
        StackError: lines is no number.
    """
    if lines and not lines.isdigit():
        raise StackError(
            f"Could not read the journal of {unit}", why=f"lines is {lines!r}, which is no number", doc="input"
        )
    command = ["journalctl", f"--unit={unit}", "--no-pager", "--quiet", "--output=short-iso"]
    if since:
        command.append(f"--since={_moment(since.strip())}")
    if lines or not since:
        command.append(f"--lines={lines or LINES}")
    if follow:
        command.append("--follow")
        if since and not lines:
            command.append("--no-tail")  # following alone would show only the last ten
    return command


def _moment(since: str) -> str:
    """journalctl's own form; its minutes are ``min``, since ``m`` means months there."""
    if not _SHORT.fullmatch(since):
        return since
    compact = since.replace(" ", "")
    return "-{}".format(re.sub(r"(?<=\d)m$", "min", compact))
