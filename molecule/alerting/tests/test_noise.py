"""A site is lost: what is told then, by whom, and where its links lead."""

from __future__ import annotations

from channels import Told, at, told
from lab import query, wait_for
from links import broken, kind, links
from raising import PAIR, alerts, now, wait_peace

testinfra_hosts = ["alerting-a"]

FAR = "alerting-c"
# What of the lost site can be asked or can tell; what it would tell goes out by the network that is gone.
LOST = "prometheus alertmanager node_exporter lab-shop"
SERVICES, OBJECTIVES = 100, 3


def count(promql: str) -> int:
    """The value of a query at each Prometheus of the pair, the smaller one."""
    rows = [query(at(host), promql) for host in PAIR]
    return min(int(float(row[0]["value"][1])) if row else 0 for row in rows)


def firing(name: str) -> int:
    """How often an alert about the lost site fires at both Prometheus."""
    return count(f'count(ALERTS{{alertname="{name}", alertstate="firing", site="far"}})')


def inhibited(host: str) -> int:
    """How many of them it keeps to itself."""
    return sum(bool(alert["status"]["inhibitedBy"]) for alert in alerts(host, 'site="far"'))


def about_far(since: float) -> list[Told]:
    """What people were told of the lost site."""
    calls = [one for one in told() if one.at > since and one.channel != "watchdog"]
    return [one for one in calls if "at far" in one.text or '"site": "far"' in one.text]


def test_a_lost_site_is_one_notification_whose_links_resolve():
    far = at(FAR)
    wait_for("100 services", lambda: count('sum(up{job="shop"})') == SERVICES)
    # An earlier test may have left SiteDown firing, which it does for a minute more.
    wait_peace()
    since = now()
    try:
        far.check_output(f"systemctl stop {LOST}")
        wait_for("all that is down", lambda: firing("TargetDown") == SERVICES)
        wait_for("budgets that burn", lambda: firing("LabBudgetBurns") == OBJECTIVES)
        # SiteDown itself is not among them; JobDown of the services is.
        wait_for("silence at both", lambda: all(inhibited(host) == SERVICES + OBJECTIVES + 1 for host in PAIR))
        found = about_far(since)
    finally:
        far.check_output(f"systemctl start {LOST}")
    # Those that were silent are over before SiteDown is: none is told on the way back either.
    wait_for("what was down", lambda: not any(firing(name) for name in ("TargetDown", "LabBudgetBurns", "JobDown")))
    assert firing("SiteDown") == 1, "SiteDown keeps firing until what it silences has been looked at again"
    assert [one.text for one in about_far(since)] == [one.text for one in found]
    assert len(found) == 1, [one.text for one in found]
    (one,) = found
    assert "[FIRING] SiteDown (page) at far" in one.text and not one.problems
    assert {kind(url) for url in links(one)} >= {"runbook", "dashboard", "others", "silence", "alertmanager"}
    assert {url: broken(url) for url in links(one) if broken(url)} == {}
