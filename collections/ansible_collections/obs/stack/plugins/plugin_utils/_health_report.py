# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Lay out what the health checks of many hosts found. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.plugin_utils._tables import NONE, lay_out

HEAD = ("HOST", "SERVICE", "CHECK", "STATE", "")
SILENT = {"component": NONE, "check": NONE, "healthy": False, "detail": "could not be asked"}


def report(found: Mapping[str, Sequence[Mapping[str, t.Any]]]) -> dict[str, list[str]]:
    """Lay out the findings of many hosts.

    Args:
        found: by host, findings as dictionaries with ``component``, ``check``, ``healthy``, ``warning`` and ``detail``;
            a host with none could not be asked.

    Returns:
        ``table`` (lines of text), ``unhealthy`` (one line for each thing that is wrong) and ``warnings`` (likewise).
    """
    rows = []
    told: dict[str, list[str]] = {"ok": [], "warning": [], "WRONG": []}
    for host in sorted(found):
        for item in found[host] or [SILENT]:
            state = ("warning" if item.get("warning") else "ok") if item["healthy"] else "WRONG"
            rows.append((host, item["component"], item["check"], state, item["detail"]))
            told[state].append("{0} {1} {2}: {3}".format(host, item["component"], item["check"], item["detail"]))
    return {"table": lay_out(HEAD, rows), "unhealthy": told["WRONG"], "warnings": told["warning"]}
