# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How often each alert fired, for how long, and which ones tell nobody anything. Pure: others ask the questions.

An alert of the same labels that both Prometheis of a pair raise counts once. Instances of an alert that fire at the
same time at a site are one time: Alertmanager tells them together.
"""

from __future__ import annotations

import math
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._moments import milliseconds
from ansible_collections.obs.stack.plugins.module_utils._slo_durations import DAY, HOUR, MINUTE, WEEK

STEP = MINUTE
FIRING = 'ALERTS{alertstate="firing", alertname!~"Watchdog|ThanosRuleWatchdog"}'
# Over the whole period in few points: from when on there are samples.
DATA = "count(up)"
DATA_POINTS = 400
# What differs between replicas, and what is no label of the alert.
NOT_ITS_OWN = ("__name__", "alertstate", "replica", "prometheus_replica", "zone")
# An alert that is back within so many steps was not over: its server may have been restarted.
GAP_STEPS = 2
# Begun within so long of another: of one cause.
TOGETHER = 5 * MINUTE
SOON = 30 * MINUTE
LONGEST = 400 * DAY
SEVERITIES = ("page", "ticket", "info")

Key = t.Tuple[t.Tuple[str, str], ...]  # noqa: UP006  evaluated: sanity imports this with Python 3.8
Series = t.Mapping[str, t.Any]


def edges(step: int) -> list[str]:
    """Queries over the whole period: where an alert begins, and where it is over.

    Only there is a point, so years of quiet cost nothing.
    """
    return [f"{FIRING} unless {FIRING} offset {step}s", f"({FIRING} offset {step}s) unless {FIRING}"]


class Span(t.NamedTuple):
    """A time that something fired; seconds of the epoch.

    ``begun``: whether it began within the period. ``over``: whether it ended within it.
    """

    start: float
    end: float
    begun: bool
    over: bool

    @property
    def length(self) -> float:
        """Seconds, as far as they are in the period."""
        return self.end - self.start


class Row(t.NamedTuple):
    """One alert of a site.

    Attributes:
        times: how often it began; several instances at once are one time.
        instances: how often any of its instances began.
        per_week: of ``times``.
        median, p90: seconds until it was over, of those that began and ended; None without any.
        share: of the period in which it fired.
        returns: how often it came back soon after it was over.
        reasons: why it might be dropped or changed; empty for none.
    """

    site: str
    alert: str
    severity: str
    times: int
    instances: int
    per_week: float
    median: float | None
    p90: float | None
    share: float
    returns: int
    reasons: tuple[str, ...]


def period(weeks: t.Any, since: t.Any, now: float, step: int = STEP) -> tuple[float, float]:
    """Start and end of a period, on whole steps.

    Args:
        weeks: how many until now, for want of a start.
        since: a start: ISO 8601, or seconds of the epoch.
        now: seconds of the epoch.
        step: seconds of one.

    Raises:
        StackError: it is none, or it is not in the past, or too long ago.
    """
    end = math.floor(now / step) * step
    begun = milliseconds(since, "since")
    try:
        length = float(weeks) * WEEK
    except (TypeError, ValueError):
        length = 0.0
    start = begun / 1000 if begun is not None else end - length
    if not end - LONGEST <= start <= end - HOUR:
        raise StackError(
            "Could not report on alerts of that period",
            why="it is not between an hour and {0} days long".format(LONGEST // DAY),
            hint="Give WEEKS=4 (-e weeks=4), or SINCE=2026-11-01 (-e since=2026-11-01).",
            step="input",
            doc="alert-report",
        )
    return math.ceil(start / step) * step, end


def key_of(metric: Mapping[str, t.Any], site: str) -> Key:
    """What tells an alert apart, whichever replica it is of."""
    own = {str(name): str(value) for name, value in metric.items() if name not in NOT_ITS_OWN}
    return tuple(sorted({"site": site, **own}.items()))


def spans(
    starts: Iterable[Series],
    ends: Iterable[Series],
    open_ones: Iterable[Series],
    *,
    site: str,
    since: float,
    until: float,
) -> dict[Key, list[Span]]:
    """When each alert fired, from the answers of one server.

    Args:
        starts, ends: series with a point where an alert begins or is over.
        open_ones: what fires at the end.
        site: of those without a label ``site``.
        since, until: the period.
    """
    edges: dict[Key, list[tuple[float, bool]]] = {}
    for begins, series in [*((True, one) for one in starts), *((False, one) for one in ends)]:
        points = edges.setdefault(key_of(series["metric"], site), [])
        points += [(float(at), begins) for at, _value in series["values"]]
    for series in open_ones:
        edges.setdefault(key_of(series["metric"], site), [])
    still = {key_of(series["metric"], site) for series in open_ones}
    return {key: _paired(sorted(points), key in still, since, until) for key, points in edges.items()}


def _paired(points: Sequence[tuple[float, bool]], still: bool, since: float, until: float) -> list[Span]:
    """Spans out of beginnings and ends; an end without a beginning began before, a beginning without an end goes on."""
    found: list[Span] = []
    start: float | None = None
    for at, begins in points:
        if begins:
            start = at if start is None else start
        else:
            if start is not None or not found:
                found.append(Span(since if start is None else start, at, start is not None, True))
            start = None
    if start is not None or (still and not points):
        found.append(Span(since if start is None else start, until, start is not None, False))
    return found


def united(parts: Iterable[Sequence[Span]], gap: float = GAP_STEPS * STEP) -> list[Span]:
    """Spans of several sources as one: what overlaps, or has only a gap between, is one."""
    found: list[Span] = []
    for span in sorted(span for part in parts for span in part):
        if found and span.start <= found[-1].end + gap:
            last = found[-1]
            later = span if span.end >= last.end else last
            found[-1] = Span(last.start, later.end, last.begun and (span.begun or span.start > last.start), later.over)
        else:
            found.append(span)
    return found


def report(
    answers: Sequence[Mapping[Key, Sequence[Span]]],
    *,
    since: float,
    until: float,
    times: int = 4,
    short: float = 300.0,
    step: int = STEP,
) -> list[Row]:
    """A row for each alert of each site, pages first, the most frequent first.

    Args:
        answers: the spans of everyone who was asked.
        since, until: of what there are samples.
        times: how often something must happen until it says anything.
        short: seconds within which nobody can act.
        step: seconds between the points that were asked for.
    """
    gap = GAP_STEPS * step
    by_key: dict[Key, list[Span]] = {
        key: united([answer.get(key, ()) for answer in answers], gap) for key in {key for one in answers for key in one}
    }
    groups: dict[tuple[str, str, str], list[list[Span]]] = {}
    for key, found in by_key.items():
        labels = dict(key)
        name = (labels["site"], labels.get("alertname", ""), labels.get("severity", ""))
        groups.setdefault(name, []).append(found)
    episodes = {name: united(found, gap) for name, found in groups.items()}
    rows = []
    for name, found in episodes.items():
        instances = sum(span.begun for one in groups[name] for span in one)
        rows.append(_row(name, found, instances, episodes, (since, until), times, short))
    return sorted(rows, key=lambda row: (_rank(row.severity), -row.times, row.site, row.alert))


def weeks(since: float, until: float) -> float:
    """How many weeks a period has; one at least, since less says nothing of a week."""
    return max((until - since) / WEEK, 1.0)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _row(
    name: tuple[str, str, str],
    found: Sequence[Span],
    instances: int,
    episodes: Mapping[tuple[str, str, str], Sequence[Span]],
    within: tuple[float, float],
    times: int,
    short: float,
) -> Row:
    whole = max(within[1] - within[0], 1.0)
    begun = [span for span in found if span.begun]
    lengths = sorted(span.length for span in begun if span.over)
    returns = sum(
        after.begun and before.over and after.start - before.end <= SOON for before, after in zip(found, found[1:])
    )
    share = min(sum(span.length for span in found) / whole, 1.0)
    reasons = []
    brief = sum(length <= short for length in lengths)
    if len(begun) >= times and brief >= 0.75 * len(begun):
        reasons.append(f"over within {short / MINUTE:g} min in {brief} of {len(begun)} times: nobody can act so fast")
    if returns >= times - 1:
        reasons.append(
            f"flaps: came back within {SOON // MINUTE} min {returns} times; a longer for, or keep_firing_for"
        )
    if share > 0.5 and whole >= DAY:
        reasons.append(f"fired {share:.0%} of the time: nobody acts on it")
    other = _always_with(name, begun, episodes, whole)
    if other and len(begun) >= times - 1:
        reasons.append(f"never without {other}: inhibit it by that")
    return Row(
        site=name[0],
        alert=name[1],
        severity=name[2],
        times=len(begun),
        instances=instances,
        per_week=round(len(begun) / weeks(*within), 2),
        median=quantile(lengths, 0.5),
        p90=quantile(lengths, 0.9),
        share=round(share, 4),
        returns=returns,
        reasons=tuple(reasons),
    )


def _always_with(
    name: tuple[str, str, str],
    begun: Sequence[Span],
    episodes: Mapping[tuple[str, str, str], Sequence[Span]],
    whole: float,
) -> str:
    """An alert of the same site that always fires when this one begins, "" for none."""
    if not begun:
        return ""
    for other, spans_of in sorted(episodes.items(), key=lambda item: (_rank(item[0][2]), item[0])):
        # Of two that come together, the more urgent one stays; and what fires all the time comes with anything.
        if other[0] != name[0] or (_rank(other[2]), other) >= (_rank(name[2]), name):
            continue
        if sum(span.length for span in spans_of) > 0.5 * whole:
            continue
        if all(any(one.start - TOGETHER <= span.start <= one.end for one in spans_of) for span in begun):
            return other[1]
    return ""


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which a share of the others is, by the nearest rank; None of nothing."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else None


def first_sample(series: Iterable[Series]) -> float | None:
    """When the first point of all series is, None without any."""
    return min((float(at) for one in series for at, _value in one.get("values") or []), default=None)
