"""What a pair tells each channel: once, though two Prometheus and two Alertmanagers do, also while some are killed."""

from __future__ import annotations

import pytest
from channels import at, told, wait_told
from lab import get, wait_for
from links import broken, kind, links
from raising import (
    PAIR,
    PROMETHEUS,
    clear,
    end,
    flushes,
    kill,
    new_case,
    of_case,
    raise_alerts,
    start,
    wait_end_told,
    wait_flushed,
    wait_past,
)

testinfra_hosts = ["alerting-a"]

CHANNELS = ("pagerduty", "slack", "teams", "telegram", "hook", "mail")
ROUTE = 'lab="channels"'
PARTS = 3


def states(case: str) -> dict[str, list[str]]:
    """What each channel was told of a case, in order."""
    found: dict[str, list[str]] = {}
    for one in told(case):
        found.setdefault(one.channel, []).append("resolved" if one.resolved else "firing")
    return found


ONCE = {channel: ["firing"] for channel in CHANNELS}
ONCE_AND_OVER = {channel: ["firing", "resolved"] for channel in CHANNELS}


@pytest.fixture(scope="module")
def calm() -> str:
    """A case that fired and is over, with nothing killed."""
    case = new_case("calm")
    raise_alerts(case, "channels", PARTS)
    wait_told(case, len(CHANNELS))
    wait_flushed(case, ROUTE)
    assert states(case) == ONCE
    end(case, ROUTE)
    wait_told(case, 2 * len(CHANNELS))
    wait_end_told(case, receiver_key=ROUTE)
    return case


def test_each_channel_is_told_once_that_it_fires_and_once_that_it_is_over(calm):
    assert states(calm) == ONCE_AND_OVER
    for host in PAIR:
        assert flushes(host, calm, ROUTE) >= 2, f"{host} had no part in it"


def test_each_channel_takes_what_it_is_told(calm):
    assert {one.channel: one.problems for one in told(calm) if one.problems} == {}


def test_a_group_is_one_notification(calm):
    firing = {one.channel: one for one in told(calm) if not one.resolved}
    assert len(firing["hook"].body["alerts"]) == PARTS
    for channel in CHANNELS:
        for part in range(PARTS):
            assert f"Case {calm}, part {part}" in firing[channel].text, channel


def test_pagerduty_closes_the_incident_that_it_opened(calm):
    opened, closed = (one.body for one in told(calm, "pagerduty"))
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"] != ""
    assert opened["payload"]["severity"] == "critical"


def test_mail_has_a_subject_and_both_forms(calm):
    mail = told(calm, "mail")[0].body
    assert mail["headers"]["Subject"] == "[FIRING 3] LabAlert (page) at main"
    assert mail["to"] == ["oncall@example.com"] and mail["from"] == "alerts@example.com"
    assert "part 0 of <tests>" in mail["parts"]["text/plain"]
    assert "part 0 of &lt;tests&gt; &amp; " in mail["parts"]["text/html"]


def test_every_link_resolves(calm):
    wanted = {"runbook", "dashboard", "logs"}
    for one in told(calm):
        if one.channel == "hook":
            # Gets the annotations as the rules have them.
            said = one.body["alerts"][0]["annotations"]
            assert [kind(said[f"{name}_url"]) for name in ("runbook", "dashboard")] == ["runbook", "annotation"]
            assert not broken(said["runbook_url"]) and not broken(said["dashboard_url"])
            continue
        assert {kind(url) for url in links(one)} >= wanted, (one.channel, links(one))
        assert {url: broken(url) for url in links(one) if broken(url)} == {}, one.channel


@pytest.fixture
def undone():
    """Brings back whatever was killed."""
    case: list[str] = []
    yield case
    clear(*case)
    start()


def test_killed_while_a_group_waits_the_other_one_tells_once(undone):
    case = new_case("killed-early")
    undone.append(case)
    raise_alerts(case, "channels", PARTS)
    wait_for("alerts at both", lambda: all(len(of_case(host, case)) == PARTS for host in PAIR))
    kill("alerting-a", "alertmanager")
    kill("alerting-b", "prometheus")
    assert not told(case), "too slow: it was told before anything was killed"
    wait_told(case, len(CHANNELS))
    # Who comes back finds it still firing, and learns that it was told.
    start()
    wait_flushed(case, ROUTE)
    assert states(case) == ONCE
    end(case, ROUTE)
    wait_told(case, 2 * len(CHANNELS))
    wait_end_told(case, receiver_key=ROUTE)
    # The two no longer look at the group in step: now and then both tell the end at once (docs/alerting.md).
    found = states(case)
    assert found.keys() == ONCE.keys()
    assert all(one in (["firing", "resolved"], ["firing", "resolved", "resolved"]) for one in found.values()), found


def test_killed_after_it_was_told_it_is_not_told_again(undone):
    case = new_case("killed-late")
    undone.append(case)
    raise_alerts(case, "channels", PARTS)
    last = max(one.at for one in wait_told(case, len(CHANNELS)))
    # Word of it has gone round by then; the gap before is Alertmanager's own (docs/alerting.md).
    wait_past("5 s after the last", last + 5)
    kill("alerting-a", "alertmanager")
    kill("alerting-a", "prometheus")
    wait_flushed(case, ROUTE, hosts=("alerting-b",))
    assert states(case) == ONCE
    # What a Prometheus missed that was down, it takes for lasting up to 5 minutes: it is back before the end.
    at("alerting-a").check_output("systemctl start prometheus")
    wait_for("Prometheus", lambda: get(at("alerting-a"), f"{PROMETHEUS}/-/ready").status == 200)
    clear(case)
    wait_told(case, 2 * len(CHANNELS))
    start()
    wait_end_told(case, receiver_key=ROUTE, hosts=("alerting-b",))
    assert states(case) == ONCE_AND_OVER
