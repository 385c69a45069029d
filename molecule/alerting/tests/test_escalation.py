"""Who is told later, and what is called all the time: at the time that was set, once, and only while it is needed."""

from __future__ import annotations

from datetime import datetime, timezone

from channels import Told, told, wait_told
from lab import wait_for
from raising import clear, end, new_case, now, raise_alerts, wait_end_told, wait_flushed

testinfra_hosts = ["alerting-a"]

ROUTE = 'lab="escalation"'
AFTER = 15  # seconds: escalate_after of the scenario's route
WATCHED = 5  # seconds: interval of obs_watchdog


def firing(case: str, path: str) -> list[Told]:
    """What a receiver was told of a case while it fired."""
    return [one for one in told(case, path=path) if not one.resolved]


def began(one: Told) -> float:
    """When the alert of a notification began."""
    text = one.body["alerts"][0]["startsAt"].replace("Z", "")[:26]
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def test_the_next_one_is_told_once_and_not_earlier_and_not_of_what_was_solved():
    lasting, solved = new_case("lasting"), new_case("solved")
    raise_alerts(lasting, "escalation")
    raise_alerts(solved, "escalation")
    for case in (lasting, solved):
        wait_told(case, path="/hook/oncall")
    clear(solved)
    (later,) = wait_told(lasting, path="/hook/lead")
    assert AFTER <= later.at - began(later) < AFTER + 10
    # Each member has had its turn, and would have told again.
    wait_flushed(lasting, ROUTE)
    end(lasting, ROUTE)
    for case, path in ((lasting, "/hook/oncall"), (lasting, "/hook/lead"), (solved, "/hook/oncall")):
        wait_told(case, 2, path=path)
    wait_end_told(lasting, solved, receiver_key=ROUTE)
    assert [len(firing(lasting, path)) for path in ("/hook/oncall", "/hook/lead")] == [1, 1]
    assert [one.resolved for one in told(lasting, path="/hook/lead")] == [False, True]
    assert [one.resolved for one in told(solved, path="/hook/oncall")] == [False, True]
    assert told(solved, path="/hook/lead") == []


def test_the_watchdog_is_called_all_the_time_at_the_url_of_its_site():
    since = now()

    def calls(path: str) -> list[Told]:
        return [one for one in told(channel="watchdog", path=path) if one.at > since]

    wait_for("four calls", lambda: len(calls("/canary-of-main")) >= 4 and len(calls("/far")) >= 4)
    for path, site in (("/canary-of-main", "main"), ("/far", "far")):
        found = calls(path)
        gaps = [after.at - before.at for before, after in zip(found, found[1:], strict=False)]
        assert max(gaps) < 2 * WATCHED, gaps
        assert {one.body["commonLabels"]["site"] for one in found} == {site}
        assert not any(one.resolved or one.problems for one in found)
