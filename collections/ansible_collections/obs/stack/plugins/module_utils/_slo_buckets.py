# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Whether the threshold of a latency is a bucket that the histogram has. Pure but for the question."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Callable


def missing_buckets(wanted: Iterable[Mapping[str, Any]], ask: Callable[[str], Any]) -> list[str]:
    """Warnings about thresholds that are none of the buckets that are there.

    Args:
        wanted: ``metric``, ``selector``, ``threshold`` and ``where`` of each latency.
        ask: gives the data of an answer of Prometheus' API.
    """
    found = []
    for one in wanted:
        matchers = "{{{}}}".format(one["selector"]) if one["selector"] else ""
        query = "count by (le) ({}_bucket{})".format(one["metric"], matchers)
        bounds = sorted(
            float(series["metric"]["le"])
            for series in ask("/api/v1/query?query=" + urllib.parse.quote(query))["result"]
            if series["metric"].get("le")
        )
        if bounds and float(one["threshold"]) not in bounds:
            found.append(
                "{}: {:g} is no bucket of {}, so that every event counts as bad; it has {}.".format(
                    one["where"], one["threshold"], one["metric"], ", ".join(f"{bound:g}" for bound in bounds)
                )
            )
    return found
