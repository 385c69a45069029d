# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A dashboard in normal form: what Grafana changes while it stores one is done here as well, before comparing."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]

# Grafana writes these itself.
SERVER_OWNED = ("id", "uid", "version")
# Of a library panel the dashboard holds a copy of more, which is as old as its last save in a browser.
LIBRARY_KEYS = ("uid", "name")
DEFAULT_MINIMUM = "5s"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])")
_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "M": 2629800.0,
    "y": 31557600.0,
}


def seconds(text: str) -> float | None:
    """A duration of Grafana's ("1m30s") in seconds, None when it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def clamped(refresh: t.Any, minimum: str) -> t.Any:
    """The refresh that Grafana stores: not below its minimum, nor anything it cannot read."""
    if not isinstance(refresh, str) or refresh in ("", "auto"):
        return refresh
    wish, least = seconds(refresh), seconds(minimum)
    if least is None:
        return refresh
    return minimum if wish is None or wish < least else refresh


def canonical(spec: t.Mapping[str, t.Any]) -> Form:
    """A classic dashboard without what Grafana writes itself."""
    form = {key: value for key, value in spec.items() if key not in SERVER_OWNED}
    if isinstance(form.get("title"), str):
        form["title"] = form["title"].strip()
    if isinstance(form.get("panels"), list):
        form["panels"] = [_panel(panel) for panel in form["panels"]]
    return form


def _panel(panel: t.Any) -> t.Any:
    if not isinstance(panel, dict):
        return panel
    panel = dict(panel)
    library = panel.get("libraryPanel")
    if isinstance(library, dict):
        panel["libraryPanel"] = {key: library[key] for key in LIBRARY_KEYS if key in library}
    if isinstance(panel.get("panels"), list):
        panel["panels"] = [_panel(one) for one in panel["panels"]]
    return panel


def without_given_ids(current: t.Any, desired: t.Any) -> t.Any:
    """Panels as they are, without the numbers that Grafana gave to those that are wanted without one."""
    if not isinstance(current, list) or not isinstance(desired, list) or len(current) != len(desired):
        return current
    found = []
    for now, wish in zip(current, desired):
        if isinstance(now, dict) and isinstance(wish, dict):
            now = {key: value for key, value in now.items() if key != "id" or "id" in wish}
            if "panels" in now:
                now["panels"] = without_given_ids(now["panels"], wish.get("panels"))
        found.append(now)
    return found


def aligned(current: t.Mapping[str, t.Any] | None, desired: t.Mapping[str, t.Any]) -> tuple[Form | None, Form]:
    """Both in normal form, ready to be compared."""
    wish = canonical(desired)
    if current is None:
        return None, wish
    now = canonical(current)
    if "panels" in now:
        now["panels"] = without_given_ids(now["panels"], wish.get("panels"))
    return now, wish


def difference(before: t.Any, after: t.Any, path: str = "") -> tuple[Form, Form]:
    """Only what differs of two documents, by path: for the diff of many dashboards at once."""
    if isinstance(before, dict) and isinstance(after, dict):
        was: Form = {}
        becomes: Form = {}
        for key in sorted(before.keys() | after.keys()):
            here = "{0}.{1}".format(path, key) if path else str(key)
            if key not in before:
                becomes[here] = after[key]
            elif key not in after:
                was[here] = before[key]
            else:
                one, other = difference(before[key], after[key], here)
                was.update(one)
                becomes.update(other)
        return was, becomes
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        was, becomes = {}, {}
        for number, (old, new) in enumerate(zip(before, after)):
            one, other = difference(old, new, "{0}[{1}]".format(path, number))
            was.update(one)
            becomes.update(other)
        return was, becomes
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return {}, {}
    return {path: before}, {path: after}
