# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often alerts fired: edges into spans, replicas into one, spans into what is said of an alert."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils import _alert_report
from ansible_collections.obs.stack.plugins.module_utils._alert_report import STEP, Span
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

WEEK = 604800.0
LABELS = {"alertname": "Full", "severity": "page", "host": "a"}
KEY = _alert_report.key_of(LABELS, "main")


def series(*points: float, **labels: str) -> dict[str, t.Any]:
    return {"metric": {**LABELS, **labels}, "values": [[at, "1"] for at in points]}


def spans(starts: list[float], ends: list[float], still: bool = False) -> list[Span]:
    found = _alert_report.spans(
        [series(*starts)], [series(*ends)], [series()] if still else [], site="main", since=0, until=1000
    )
    return found[KEY]


def test_edges_become_spans() -> None:
    assert spans([60, 300], [120, 420]) == [Span(60, 120, True, True), Span(300, 420, True, True)]
    assert spans([300], [120]) == [Span(0, 120, False, True), Span(300, 1000, True, False)], "began before, goes on"
    assert spans([], [], still=True) == [Span(0, 1000, False, False)], "all the time"
    assert spans([], []) == []
    assert spans([], [120, 180]) == [Span(0, 120, False, True)], "an end without a beginning counts once"


def test_replicas_of_an_alert_are_one_alert() -> None:
    one = {"alertname": "Full", "replica": "a", "zone": "x", "__name__": "ALERTS", "alertstate": "firing"}
    assert _alert_report.key_of(one, "main") == _alert_report.key_of({"alertname": "Full", "site": "main"}, "other")


@st.composite
def firings(draw: t.Any) -> list[bool]:
    """Whether an alert fires, at each step."""
    return draw(st.lists(st.booleans(), min_size=2, max_size=60))


def edges(states: list[bool]) -> tuple[list[float], list[float]]:
    """What the two queries answer of it."""
    pairs = list(zip(states, states[1:]))
    starts = [float((number + 1) * STEP) for number, (before, now) in enumerate(pairs) if now and not before]
    ends = [float((number + 1) * STEP) for number, (before, now) in enumerate(pairs) if before and not now]
    return starts, ends


@given(firings())
def test_spans_are_when_it_fired(states: list[bool]) -> None:
    starts, ends = edges(states)
    until = float((len(states) - 1) * STEP)
    found = _alert_report.spans(
        [series(*starts)] if starts else [],
        [series(*ends)] if ends else [],
        [series()] if states[-1] else [],
        site="main",
        since=0,
        until=until,
    ).get(KEY, [])
    for number, fires in enumerate(states[:-1]):
        at = number * STEP
        assert any(span.start <= at < span.end for span in found) == fires
    assert len([span for span in found if span.begun]) == len(starts)
    assert all(span.over or span.end == until for span in found)


SPANS = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 600)), max_size=8).map(
    lambda pairs: [Span(float(start), float(start + length), True, True) for start, length in pairs]
)


@given(SPANS, SPANS)
def test_who_is_asked_first_makes_no_difference_and_twice_is_once(one: list[Span], other: list[Span]) -> None:
    both = _alert_report.united([one, other])
    assert both == _alert_report.united([other, one]) == _alert_report.united([both, one])
    assert all(before.end + _alert_report.GAP_STEPS * STEP < after.start for before, after in zip(both, both[1:]))
    assert all(any(whole.start <= part.start and part.end <= whole.end for whole in both) for part in [*one, *other])


def test_a_restart_is_no_end() -> None:
    found = _alert_report.united([[Span(0, 100, False, True), Span(180, 300, True, True), Span(600, 700, True, True)]])
    assert found == [Span(0, 300, False, True), Span(600, 700, True, True)]


def rows(*alerts: tuple[dict[str, str], list[Span]], until: float = 2 * WEEK, **more: t.Any) -> dict[str, t.Any]:
    answer = {_alert_report.key_of({**LABELS, **labels}, "main"): found for labels, found in alerts}
    return {row.alert: row for row in _alert_report.report([answer], since=0, until=until, **more)}


def at(hour: float, minutes: float) -> Span:
    return Span(hour * 3600, hour * 3600 + minutes * 60, True, True)


def test_times_lengths_and_weeks() -> None:
    found = [at(1, 10), at(30, 20), at(60, 30), at(90, 100)]
    row = rows(({}, found), ({"host": "b"}, [at(1.05, 20)]))["Full"]
    assert (row.times, row.instances, row.per_week) == (4, 5, 2.0)
    assert (row.median, row.p90) == (1380.0, 6000.0) and row.share == round(173 * 60 / (2 * WEEK), 4)
    assert row.reasons == ()
    assert rows(({}, found[:1]), until=86400.0)["Full"].per_week == 1.0, "a day says nothing of a week"
    assert _alert_report.quantile([], 0.5) is None


def test_what_is_over_before_anybody_can_act() -> None:
    reasons = rows(({}, [at(hour, 2) for hour in (1, 30, 60)] + [at(90, 100)]))["Full"].reasons
    assert reasons == ("over within 5 min in 3 of 4 times: nobody can act so fast",)
    assert rows(({}, [at(hour, 2) for hour in (1, 30, 60)]))["Full"].reasons == (), "three times say nothing"
    assert not rows(({}, [at(hour, 6) for hour in (1, 30, 60, 90)]))["Full"].reasons
    assert rows(({}, [at(hour, 6) for hour in (1, 30, 60, 90)]), short=600)["Full"].reasons
    assert rows(({}, [at(hour, 2) for hour in (1, 30)]), times=2)["Full"].reasons


def test_what_flaps() -> None:
    row = rows(({}, [at(hour, 15) for hour in (1, 1.5, 2, 2.5, 50)]))["Full"]
    assert row.returns == 3 and len(row.reasons) == 1 and row.reasons[0].startswith("flaps: came back within 30 min 3")


def test_what_fires_all_the_time() -> None:
    row = rows(({}, [Span(0, 1.8 * WEEK, False, True)]))["Full"]
    assert row.times == 0 and row.median is None and row.reasons == ("fired 90% of the time: nobody acts on it",)


def test_what_never_fires_alone() -> None:
    cause = [at(hour, 60) for hour in (10, 50, 100, 200)]
    effect = [at(hour + 0.05, 20) for hour in (10, 50, 100)]
    ticket = {"alertname": "Effect", "severity": "ticket"}
    found = rows(({}, cause), (ticket, effect))
    assert found["Effect"].reasons == ("never without Full: inhibit it by that",)
    assert not found["Full"].reasons, "of two that come together the more urgent one stays"
    assert not rows(({}, cause), (ticket, [*effect, at(300, 20)]))["Effect"].reasons, "once it came alone"
    always = [Span(0, 1.9 * WEEK, True, True)]
    assert not rows(({}, always), (ticket, effect))["Effect"].reasons, "what fires always comes with anything"


def test_pages_come_first_and_the_frequent_before_the_rare() -> None:
    found = rows(
        ({"alertname": "Info", "severity": "info"}, [at(1, 9), at(20, 9)]),
        ({"alertname": "Rare"}, [at(1, 9)]),
        ({"alertname": "Often"}, [at(1, 9), at(20, 9)]),
        ({"alertname": "Odd", "severity": "x"}, [at(1, 9)]),
    )
    assert list(found) == ["Often", "Rare", "Info", "Odd"]


def test_periods() -> None:
    now = 1_795_000_030.0
    assert _alert_report.period(2, "", now) == (1_794_999_960.0 + 60 - 2 * WEEK, 1_794_999_960.0 + 60)
    assert _alert_report.period(4, "2026-11-10", now)[0] == 1_794_268_800.0
    for weeks, since in (("x", ""), (0, ""), (4, "2027-01-01"), (4, "2020-01-01")):
        with pytest.raises(StackError, match="not between an hour and 400 days"):
            _alert_report.period(weeks, since, now)
    assert _alert_report.first_sample([{"values": [[7, "1"]]}, {"values": [[5, "1"]]}]) == 5.0
    assert _alert_report.first_sample([]) is None
