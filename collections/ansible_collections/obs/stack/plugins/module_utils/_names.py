# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Names that somebody mistyped. Pure."""

from __future__ import annotations

import difflib
import typing as t


def did_you_mean(name: t.Any, known: t.Iterable[str]) -> str:
    """To be put behind a complaint: the known name that is most like this one, in parentheses; or ""."""
    near = difflib.get_close_matches(str(name), list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""
