# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A diagnosis as text, Markdown or JSON. Pure: what was found in, lines out."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

from ansible_collections.obs.stack.plugins.plugin_utils._slo_tables import in_words

Found = t.Mapping[str, t.Any]
# Series, and lines of a log, that are shown of one query.
SERIES, LINES = 10, 20


def moment(seconds: float) -> str:
    """A time to the second in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def verdict(found: Found) -> str:
    """Whether it fires, in a sentence."""
    labels, state = found["labels"], found["state"]
    where = labels.get("instance") or labels.get("host") or labels.get("service") or labels.get("job") or ""
    name = "{0}{1}{2}".format(
        found["alert"], f" of {where}" if where else "", f" at {labels['site']}" if labels.get("site") else ""
    )
    if state == "inactive":
        last = "it fired last at {0}".format(moment(found["last"])) if found["last"] else "nor has it in the last 24 h"
        return f"{name} does not fire now; {last}."
    since = ""
    if found["since"]:
        since = " since {0}, for {1}".format(moment(found["since"]), in_words(max(found["now"] - found["since"], 0.0)))
    words = f"{name} {'fires' if state == 'firing' else 'is about to fire'}{since}."
    if found["others"]:
        words += " {0} more of that name {1} active: INSTANCE= or HOST= names one.".format(
            found["others"], "is" if found["others"] == 1 else "are"
        )
    return words


def series_lines(result: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """What a query of Prometheus found, a line each."""
    lines = []
    # Where not all are shown, those that say something come first.
    for series in sorted(result, key=lambda one: one["value"][1] in ("0", "NaN"))[:SERIES]:
        labels = {name: value for name, value in series["metric"].items() if name != "__name__"}
        inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        lines.append("{0}  {1}{{{2}}}".format(series["value"][1], series["metric"].get("__name__", ""), inside))
    more = len(result) - SERIES
    return [*lines, f"and {more} more"] if more > 0 else lines or ["nothing"]


def log_lines(result: Sequence[Mapping[str, t.Any]]) -> list[str]:
    """The latest lines that a query of Loki found, in order of time."""
    found = sorted(
        (int(value[0]), str(stream["stream"].get("service_name", "")), str(value[1]))
        for stream in result
        for value in stream.get("values") or []
    )
    lines = ["{0}  {1}  {2}".format(moment(at / 1e9), service, line.rstrip()) for at, service, line in found[-LINES:]]
    more = len(found) - LINES
    return [*([f"{more} before"] if more > 0 else []), *lines] if lines else ["nothing"]


def answer_lines(one: Found) -> list[str]:
    """What became of one query."""
    if one["lacks"]:
        return ["not asked: {0} not known; give {1}=".format(" and ".join(one["lacks"]), one["lacks"][0].upper())]
    if one["error"]:
        return ["could not be answered: " + one["error"]]
    return (log_lines if one["language"] == "logql" else series_lines)(one["result"])


def parts(found: Found) -> list[tuple[str, list[str], bool]]:
    """Headings with what stands below them, and whether that is code."""
    result: list[tuple[str, list[str], bool]] = [("Meaning", [found["texts"]["Meaning"]], False)]
    result.append(("Impact", [found["texts"]["Impact"]], False))
    result.append(("Look at", [found["texts"]["Diagnosis"]], False))
    for one in found["queries"]:
        result.append((one["query"], answer_lines(one), True))
    for host, changes in found["changes"].items():
        result.append((f"Changes on {host}", changes or ["nothing"], True))
    for host, lines in found["journal"].items():
        result.append((f"Journal of {found['unit'] or 'the host'} on {host}", lines or ["nothing"], True))
    result.append(("What to do", [found["texts"]["Mitigation"]], False))
    result.append(("Commands", found["commands"], True))
    result.append(("Escalation", [found["texts"]["Escalation"]], False))
    return result


def text(found: Found) -> list[str]:
    """As lines for a terminal."""
    lines = [verdict(found), *found["notes"]]
    for title, below, code in parts(found):
        lines += ["", title if code else title + ":", *("  " + line for line in below)]
    return lines


def markdown(found: Found) -> list[str]:
    """As Markdown, for a ticket."""
    lines = [f"# {found['alert']}", "", verdict(found), *found["notes"]]
    for title, below, code in parts(found):
        heading = f"`{title}`" if code and title not in ("Commands",) and " on " not in title else title
        lines += ["", f"## {heading}", "", *(["```", *below, "```"] if code else below)]
    return lines


def as_json(found: Found) -> list[str]:
    """For other programs."""
    return json.dumps({"verdict": verdict(found), **found}, indent=2, sort_keys=True).splitlines()


FORMS: Mapping[str, Callable[[Found], list[str]]] = {"text": text, "markdown": markdown, "json": as_json}
