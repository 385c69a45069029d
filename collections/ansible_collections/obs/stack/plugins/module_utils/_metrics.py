# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Single values out of the Prometheus text format (prometheus.io/docs/instrumenting/exposition_formats). Pure."""

from __future__ import annotations

import re


def gauge(metrics: str, name: str) -> float | None:
    """Value of a label-less gauge in the Prometheus text format, or None when it is not there."""
    match = re.search(rf"^{re.escape(name)}(?:\{{\}})?[ \t]+(\S+)", metrics, re.MULTILINE)
    if not match:
        return None
    try:
        return float(match.group(1))
    except ValueError:
        return None


def labelled(metrics: str, selector: str) -> float | None:
    """Sum of the series of ``name{label="value",…}`` that have these labels among theirs, or None without one.

    Raises:
        ValueError: the selector is not of that form.
    """
    wanted = re.fullmatch(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?", selector)
    if wanted is None:
        raise ValueError(f'{selector!r} is not name{{label="value"}}')
    labels = set(re.findall(r'\w+="[^"]*"', wanted.group(2) or ""))
    found = re.findall(r"^{0}(?:\{{(.*)\}})?[ \t]+(\S+)".format(re.escape(wanted.group(1))), metrics, re.MULTILINE)
    values = [float(value) for text, value in found if labels <= set(re.findall(r'\w+="[^"]*"', text))]
    return sum(values) if values else None


def total(metrics: str, name: str) -> float | None:
    """Sum of all series of a metric in the text format, or ``None`` when there is none."""
    found = re.findall(r"^{0}(?:\{{[^}}]*\}})?[ \t]+(\S+)".format(re.escape(name)), metrics, re.MULTILINE)
    return sum(float(value) for value in found) if found else None


def samples(metrics: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each series of a metric in the text format."""
    found = re.findall(r"^{0}(?:\{{(.*)\}})?[ \t]+(\S+)".format(re.escape(name)), metrics, re.MULTILINE)
    return [(dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text)), float(value)) for text, value in found]
