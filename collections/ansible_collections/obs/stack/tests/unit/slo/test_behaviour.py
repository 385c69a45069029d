# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules make of data as it really comes: absent, reset, NaN, new, sparse, excluded; played in promtool."""

from __future__ import annotations

import typing as t

import pytest

MINUTE, HOUR = 60, 3600
PAGE = 'count(ALERTS{alertstate="firing", sloth_severity="page"})'
NO_DATA = 'count(ALERTS{alertstate="firing", alertname="SLONoData"})'
RATIO = "sum(slo:sli_error:ratio_rate5m)"
PERIOD = "sum(slo:sli_error:ratio_rate30d)"

SLO = """
{version}
service: shop
{file}
slos:
  - name: a
    objective: {objective}
    {slo}
    sli: {sli}
"""
EVENTS = (
    "{events: {error_query: 'sum(rate(errors_total[$window]))', total_query: 'sum(rate(requests_total[$window]))'}}"
)


def text(sli: str = EVENTS, *, version: str = "", file: str = "", slo: str = "", objective: float = 99) -> str:
    return SLO.format(version=version, file=file, slo=slo, sli=sli, objective=objective)


def test_absent_errors_are_none_and_a_new_series_makes_no_more_than_there_was(simulator: t.Any, slos_of: t.Any) -> None:
    """Three hours without an error series, then one of 10 %: the mean over the period is what it is."""
    series = {"requests_total": "0+100x240", "errors_total": "_x180 0+10x59"}
    expected = [(HOUR, RATIO, 0), (2 * HOUR, PERIOD, 0), (190 * MINUTE, f"{RATIO} <= bool 1", 1)]
    truth = 0.1 * 59 / 239
    within = f"abs({PERIOD} - {truth}) < bool 0.002"
    for budget in ("weighted", "ratio"):
        slos = slos_of(text(slo=f"error_budget: {budget}"))
        simulator.play(slos, series, [*expected, (239 * MINUTE, within, 1)])


@pytest.mark.parametrize("errors", ["_x19 5000+5000x60", "5000+5000x80"])
def test_no_ratio_is_above_one(simulator: t.Any, slos_of: t.Any, errors: str) -> None:
    slos = slos_of(text())
    series = {"requests_total": "0+100x80", "errors_total": errors}
    simulator.play(slos, series, [(40 * MINUTE, RATIO, 1), (80 * MINUTE, f"{PERIOD} <= bool 1", 1)])


def test_without_traffic_nothing_is_said_and_nothing_burns(simulator: t.Any, slos_of: t.Any) -> None:
    """An hour with 0.5 % of errors, then an hour of silence: counters stand still."""
    series = {"requests_total": "0+200x60 12000x60", "errors_total": "0+1x60 60x60"}
    left = "sum(slo:period_error_budget_remaining:ratio)"
    for budget in ("weighted", "ratio"):
        slos = slos_of(text(slo=f"error_budget: {budget}"))
        expected = [(2 * HOUR, RATIO, None), (2 * HOUR, PAGE, None), (2 * HOUR, f"abs({left} - 0.5) < bool 0.02", 1)]
        simulator.play(slos, series, expected)


def test_without_data_a_ticket_is_made_and_no_page(simulator: t.Any, slos_of: t.Any) -> None:
    series = {"requests_total": "0+100x60 _x150 0+100x30", "errors_total": "0+0x60 _x150 0+0x30"}
    expected = [
        (115 * MINUTE, NO_DATA, None),
        (130 * MINUTE, NO_DATA, 1),
        (200 * MINUTE, 'count(ALERTS{alertname="SLONoData", severity="ticket", sloth_id="shop-a"})', 1),
        (200 * MINUTE, PAGE, None),
        (220 * MINUTE, NO_DATA, None),
    ]
    simulator.play(slos_of(text()), series, expected)
    simulator.play(slos_of(text(slo="no_data: false")), series, [(130 * MINUTE, NO_DATA, None)])
    early = slos_of(text(slo="no_data: {for: 10m, severity: page}"))
    page = 'count(ALERTS{alertname="SLONoData", severity="page", alertstate="firing"})'
    simulator.play(early, series, [(70 * MINUTE, page, None), (80 * MINUTE, page, 1)])


def test_what_never_was_there_is_not_missed(simulator: t.Any, slos_of: t.Any) -> None:
    simulator.play(slos_of(text()), {"other": "1x180"}, [(3 * HOUR, NO_DATA, None), (3 * HOUR, PAGE, None)])


def test_a_counter_that_starts_anew_is_no_outage(simulator: t.Any, slos_of: t.Any) -> None:
    """A restart every 20 minutes, with 0.5 % of errors all the time."""
    series = {"requests_total": " ".join(["0+200x19"] * 6), "errors_total": " ".join(["0+1x19"] * 6)}
    near = f"abs({RATIO} - 0.005) < bool 0.002"
    expected = [(minute * MINUTE, near, 1) for minute in (21, 41, 61, 90)] + [(110 * MINUTE, PAGE, None)]
    simulator.play(slos_of(text()), series, expected)


RAW = "{raw: {error_ratio_query: 'sum(rate(errors_total[$window])) / sum(rate(requests_total[$window]))'}}"


@pytest.mark.parametrize("sli", [RAW, EVENTS])
def test_not_a_number_does_not_stay_in_the_period(simulator: t.Any, slos_of: t.Any, sli: str) -> None:
    """No traffic in the beginning is 0/0; then an hour of 0.5 %."""
    series = {"requests_total": "0x30 200+200x60", "errors_total": "0x30 1+1x60"}
    near = f"abs({PERIOD} - 0.005) < bool 0.001"
    simulator.play(slos_of(text(sli)), series, [(20 * MINUTE, RATIO, None), (90 * MINUTE, near, 1)])


def test_without_guards_it_does(simulator: t.Any, slos_of: t.Any) -> None:
    """What the guards are for; also that the test above can fail."""
    series = {"requests_total": "0x30 200+200x60", "errors_total": "0x30 1+1x60"}
    unguarded = slos_of(text(RAW, slo="guards: false"))
    simulator.play(unguarded, series, [(90 * MINUTE, f"{PERIOD} == bool {PERIOD}", 0)])


def test_a_quiet_time_weighs_as_little_as_it_should(simulator: t.Any, slos_of: t.Any) -> None:
    """An hour of 6000 requests without an error, an hour of 60 with half of them failing."""
    series = {"requests_total": "0+100x60 6001+1x60", "errors_total": "0x60 0.5+0.5x60"}
    end = 120 * MINUTE
    weighed, mean = f"abs({PERIOD} - 30 / 6060) < bool 0.001", f"abs({PERIOD} - 0.25) < bool 0.03"
    simulator.play(slos_of(text(slo="error_budget: weighted")), series, [(end, weighed, 1)])
    simulator.play(slos_of(text(slo="error_budget: ratio")), series, [(end, mean, 1)])


def test_a_cold_start_does_not_page_for_a_blip(simulator: t.Any, slos_of: t.Any) -> None:
    """Four minutes old, then a minute of 20 %. An outage that lasts pages when the history is long enough."""
    blip = {"requests_total": "0+100x40", "errors_total": "0x3 20x36"}
    lasting = {"requests_total": "0+100x40", "errors_total": "0x3 20+20x36"}
    ours = slos_of(text(objective=99.9))
    theirs = slos_of(text(objective=99.9, version="version: prometheus/v1"))
    simulator.play(theirs, blip, [(5 * MINUTE, PAGE, 1)])
    simulator.play(ours, blip, [(minute * MINUTE, PAGE, None) for minute in range(4, 40)])
    simulator.play(ours, lasting, [(9 * MINUTE, PAGE, None), (15 * MINUTE, PAGE, 1)])
    longer = slos_of(text(slo="min_history: 30m", objective=99.9))
    simulator.play(longer, lasting, [(29 * MINUTE, PAGE, None), (37 * MINUTE, PAGE, 1)])


def test_few_bad_events_of_few_do_not_page_and_many_do(simulator: t.Any, slos_of: t.Any) -> None:
    """30 requests an hour, one each two minutes. One error is silence, an outage is not."""
    guarded = slos_of(text(slo="min_bad_events: 5", objective=99.9))
    plain = slos_of(text(objective=99.9))
    before = " ".join(f"{n} {n}" for n in range(60))
    total = before + " " + " ".join(f"{n} {n}" for n in range(60, 120))
    one = "0x121 1x119"
    outage = "0x119 " + " ".join(f"{n} {n}" for n in range(1, 61))
    simulator.play(plain, {"requests_total": total, "errors_total": one}, [(123 * MINUTE, PAGE, 1)])
    quiet = [(minute * MINUTE, PAGE, None) for minute in range(120, 200, 4)]
    simulator.play(guarded, {"requests_total": total, "errors_total": one}, quiet)
    simulator.play(guarded, {"requests_total": total, "errors_total": outage}, [(132 * MINUTE, PAGE, 1)])


def test_planned_maintenance_counts_for_nothing(simulator: t.Any, slos_of: t.Any) -> None:
    """Twenty minutes of total outage, announced, in two hours."""
    series = {
        "requests_total": "0+100x120",
        "errors_total": "0x60 100+100x19 2000x40",
        "maintenance": "0x58 1x22 0x40",
    }
    told = text(slo="exclude: maintenance == 1")
    expected = [(70 * MINUTE, RATIO, None), (75 * MINUTE, PAGE, None), (119 * MINUTE, PERIOD, 0)]
    simulator.play(slos_of(told), series, expected)
    simulator.play(slos_of(text()), series, [(75 * MINUTE, PAGE, 1), (119 * MINUTE, f"{PERIOD} > bool 0.1", 1)])


def test_recorded_long_windows_say_the_same(simulator: t.Any, slos_of: t.Any) -> None:
    series = {"requests_total": "0+100x240", "errors_total": "0x120 10+10x119"}
    two_hours = "abs(sum(slo:sli_error:ratio_rate2h) - {}) < bool 0.006"
    expected = [(180 * MINUTE, two_hours.format(0.05), 1), (239 * MINUTE, two_hours.format(0.1), 1)]
    for how in ("recorded", "direct"):
        simulator.play(slos_of(text(slo=f"long_windows: {how}")), series, expected)


def test_a_changed_label_does_not_break_the_period(simulator: t.Any, slos_of: t.Any) -> None:
    """What was recorded for another team is there for a part of the period. The sum counts it, and no rule fails."""
    was = 'sloth_id="shop-a", sloth_service="shop", sloth_slo="a", sloth_window="5m", team="old"'
    series = {
        "requests_total": "_x60 0+100x60",
        "errors_total": "_x60 0+1x60",
        f"slo:sli_error:ratio_rate5m{{{was}}}": "0.03x59 stale",
    }
    slos = slos_of(text(slo="error_budget: ratio", file="labels: {team: new}"))
    near = "abs(sum({__name__='slo:sli_error:ratio_rate30d', team='new'}) - 0.02) < bool 0.002"
    simulator.play(slos, series, [(119 * MINUTE, near, 1), (119 * MINUTE, "count(slo:sli_error:ratio_rate30d)", 1)])


LATENCY = "{latency: {metric: d_seconds, selector: 'job=\"a\"', threshold: 1%s}}"


@pytest.mark.parametrize("bound", ["1.0", "1"])
def test_latency_by_classic_buckets_however_they_are_written(simulator: t.Any, slos_of: t.Any, bound: str) -> None:
    series = {
        'd_seconds_count{job="a"}': "0+100x60",
        f'd_seconds_bucket{{job="a", le="{bound}"}}': "0+90x60",
        'd_seconds_bucket{job="a", le="+Inf"}': "0+100x60",
        'd_seconds_bucket{job="b", le="1.0"}': "0+100x60",
    }
    simulator.play(
        slos_of(text(LATENCY % "")), series, [(HOUR, f"abs({RATIO} - 0.1) < bool 0.0001", 1), (HOUR, PAGE, None)]
    )
    many = text(LATENCY % "", objective=99.9)
    simulator.play(slos_of(many), series, [(HOUR, PAGE, 1)])


def test_latency_by_native_histograms_and_their_silence(simulator: t.Any, slos_of: t.Any) -> None:
    """Buckets of schema 0 end at powers of 2: 90 of 100 are up to 1."""
    grows = "{{schema:0 sum:5 count:100 buckets:[90 10]}}"
    slos = slos_of(text(LATENCY % ", native: true"))
    series = {'d_seconds{job="a"}': f"{{{{schema:0 sum:0 count:0 buckets:[0 0]}}}}+{grows}x60 _x30"}
    expected = [(HOUR, f"abs({RATIO} - 0.1) < bool 0.0001", 1), (80 * MINUTE, RATIO, None)]
    simulator.play(slos, series, [*expected, (80 * MINUTE, f"abs({PERIOD} - 0.1) < bool 0.0001", 1)])
    still = {'d_seconds{job="a"}': "{{schema:0 sum:5 count:100 buckets:[90 10]}}x60"}
    simulator.play(slos, still, [(HOUR, RATIO, None), (HOUR, PERIOD, None)])


def test_availability_by_a_probe(simulator: t.Any, slos_of: t.Any) -> None:
    """Of two probes one is down for 20 minutes of two hours."""
    series = {'probe_success{i="a"}': "1x120", 'probe_success{i="b"}': "1x60 0x19 1x40"}
    slos = slos_of(text("{availability: {}}".replace("{}", "{gauge: probe_success}"), objective=99))
    expected = [(70 * MINUTE, f"abs({RATIO} - 0.5) < bool 0.01", 1), (75 * MINUTE, PAGE, 1)]
    simulator.play(slos, series, [*expected, (119 * MINUTE, f"abs({PERIOD} - 20 / 240) < bool 0.008", 1)])


def test_a_spent_budget_makes_a_ticket_where_it_is_asked_for(simulator: t.Any, slos_of: t.Any) -> None:
    series = {"requests_total": "0+100x60", "errors_total": "0x29 10+10x30"}
    query = 'count(ALERTS{alertname="SLOErrorBudgetExhausted", severity="ticket"})'
    asked = slos_of(text(slo="budget_exhausted: true"))
    simulator.play(asked, series, [(20 * MINUTE, query, None), (50 * MINUTE, query, 1)])
    simulator.play(slos_of(text()), series, [(50 * MINUTE, query, None)])


def test_good_events_without_a_series_are_a_total_outage(simulator: t.Any, slos_of: t.Any) -> None:
    sli = "{events: {good_query: 'sum(rate(ok_total[$window]))', total_query: 'sum(rate(requests_total[$window]))'}}"
    series = {"requests_total": "0+100x60"}
    simulator.play(slos_of(text(sli)), series, [(30 * MINUTE, RATIO, 1)])
    simulator.play(
        slos_of(text(sli)), {**series, "ok_total": "0+98x60"}, [(30 * MINUTE, f"abs({RATIO} - 0.02) < bool 1e-6", 1)]
    )
