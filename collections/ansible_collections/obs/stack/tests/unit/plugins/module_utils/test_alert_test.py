# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which test alerts are raised, and what is said of each channel."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _alert_test, _alert_test_plan, _alert_test_report
from ansible_collections.obs.stack.plugins.module_utils._findings import OK, SKIPPED, WARNING, WRONG

HOOK = {"url": "<secret>", "send_resolved": True}
CONFIG: dict[str, t.Any] = {
    "route": {
        "receiver": "none",
        "group_wait": "30s",
        "routes": [
            {"receiver": "watchdog", "matchers": ['alertname="Watchdog"']},
            {"receiver": "lead", "matchers": ['severity="page"'], "group_wait": "15m", "continue": True},
            {"receiver": "oncall", "matchers": ['severity="page"']},
            {"receiver": "shop", "matchers": ['team="shop"'], "active_time_intervals": ["office"]},
            {"receiver": "rest", "group_interval": "1m"},
        ],
    },
    "inhibit_rules": [
        {"source_matchers": ['alertname="NodeDown"'], "target_matchers": ['host!=""'], "equal": ["site", "host"]}
    ],
    "receivers": [
        {"name": "none"},
        {"name": "watchdog", "webhook_configs": [HOOK]},
        {"name": "oncall", "slack_configs": [{"send_resolved": True}, {}], "email_configs": [{"to": "a@b"}]},
        {"name": "lead", "webhook_configs": [HOOK]},
        {"name": "shop", "slack_configs": [HOOK]},
        {"name": "rest", "webhook_configs": [HOOK]},
        {"name": "forgotten", "webhook_configs": [HOOK]},
    ],
}


def planned(**more: t.Any) -> _alert_test_plan.Plan:
    return _alert_test_plan.plan({**CONFIG, **more.pop("config", {})}, identity="x1", site="main", **more)


def test_each_receiver_has_an_alert_and_those_told_together_share_one() -> None:
    plan = planned()
    labels = [alert["labels"] for alert in plan.alerts]
    base = {"alertname": "ObsTest-x1", "obs_test": "x1", "site": "main"}
    assert labels == [
        {**base, "severity": "page"},
        {**base, "severity": "ticket", "team": "shop"},
        {**base, "severity": "ticket"},
    ]
    assert plan.expected == {
        "lead": {"channels": {"webhook": 1}, "resolved": {"webhook": 1}, "hours": False},
        "oncall": {"channels": {"slack": 2, "email": 1}, "resolved": {"slack": 1}, "hours": False},
        "shop": {"channels": {"slack": 1}, "resolved": {"slack": 1}, "hours": True},
        "rest": {"channels": {"webhook": 1}, "resolved": {"webhook": 1}, "hours": False},
    }
    assert plan.skipped == {"forgotten": "no route leads there"} and plan.watched == {"watchdog": ["webhook"]}
    assert (plan.wait, plan.interval) == (15 * 60_000, 5 * 60_000)


def test_one_receiver_alone_and_a_severity_of_ones_own() -> None:
    assert list(planned(only=["rest"]).expected) == ["rest"]
    plan = planned(severity="ticket")
    assert "oncall" not in plan.expected and plan.skipped["oncall"] == "no route leads there with severity ticket"


def test_no_real_alert_is_held_back_by_a_test() -> None:
    node = {"receiver": "node", "matchers": ['alertname="NodeDown"']}
    receivers = [{"name": "node", "webhook_configs": [HOOK]}]
    plan = planned(config={"route": {"receiver": "none", "routes": [node]}, "receivers": receivers})
    # host is of no real host, so the rule finds nothing equal.
    assert plan.alerts[0]["labels"]["host"] == "ObsTest-x1"
    everywhere = [{"source_matchers": ['alertname="NodeDown"'], "target_matchers": ['x="y"'], "equal": []}]
    config = {"route": {"receiver": "none", "routes": [node]}, "receivers": receivers, "inhibit_rules": everywhere}
    plan = planned(config=config)
    assert not plan.alerts and "hold back real ones" in plan.skipped["node"]


def test_an_alert_says_that_it_is_a_test_and_ends() -> None:
    (alert,) = _alert_test.posted([{"labels": {"a": "b"}}], starts=0, ends=1.5, asked_by="kim")
    assert alert["annotations"]["summary"].startswith("Test: ") and "for kim" in alert["annotations"]["description"]
    assert (alert["startsAt"], alert["endsAt"]) == ("1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.500Z")


PAGE = """
alertmanager_notification_requests_total{integration="slack",receiver_name="oncall"} 5
alertmanager_notification_requests_failed_total{integration="slack",receiver_name="oncall"} 2
alertmanager_notification_latency_seconds_sum{integration="slack",receiver_name="oncall"} 0.5
alertmanager_notifications_failed_total{integration="slack",reason="other",receiver_name="oncall"} 1
alertmanager_notifications_failed_total{integration="slack",reason="clientError",receiver_name="oncall"} 1
"""


def test_what_channels_took_is_counted_over_all_members() -> None:
    counts = _alert_test.counted(PAGE)
    assert counts == {"oncall/slack": [3.0, 2.0, 0.5, 2.0]}
    assert _alert_test.since({"oncall/slack": [2.0, 2.0, 0.25, 1.0]}, counts) == {"oncall/slack": [1.0, 0.0, 0.25, 1.0]}
    one, none = {"oncall/slack": [1.0, 0.0, 0.1, 0.0]}, {"oncall/slack": [0.0, 0.0, 0.0, 0.0]}
    given_up = {"oncall/slack": [0.0, 1.0, 0.0, 1.0]}
    assert _alert_test.outstanding({"oncall/slack": 2}, [one, none]) == ["oncall/slack"]
    assert _alert_test.outstanding({"oncall/slack": 2}, [one, one]) == []
    assert _alert_test.undecided({"oncall/slack": 1}, [none]) == ["oncall/slack"]
    assert _alert_test.undecided({"oncall/slack": 1}, [none, given_up]) == []


def test_without_names_of_receivers_the_kind_of_channel_is_counted() -> None:
    plain = _alert_test.counted(PAGE.replace(',receiver_name="oncall"', ""))
    assert plain == {"/slack": [3.0, 2.0, 0.5, 2.0]}
    wanted = {"oncall/slack": 2, "shop/slack": 1}
    assert _alert_test.outstanding(wanted, [plain]) == []
    assert _alert_test.outstanding({**wanted, "shop/slack": 2}, [plain]) == ["oncall/slack", "shop/slack"]


# As Alertmanager 0.31.1 writes them.
LINES = [
    'time=2026-11-23T08:01:37.313Z level=ERROR source=dispatch.go:515 msg="Notify for alerts failed" '
    'component=dispatcher num_alerts=1 err="refused/webhook[0]: notify retry canceled due to unrecoverable error '
    'after 1 attempts: unexpected status code 400: https://h.example/services/T0/canary?x=1: \\"no\\" canary-key-1"',
    'time=2026-11-23T08:01:37.314Z level=WARN source=notify.go:948 msg="Notify attempt failed, will retry later" '
    'component=dispatcher receiver=db integration=webhook[0] aggrGroup="{}/{team=\\"db\\"}:{site=\\"main\\"}" '
    'attempts=1 err="Post \\"<redacted>\\": dial tcp 172.25.0.2:9812: connect: connection refused"',
    "level=INFO msg=nothing",
]


def test_the_answer_of_a_channel_is_told_without_its_secrets() -> None:
    secrets = _alert_test.parts_of_secrets(["https://h.example/services/T0/canary-key-1\n", "plain"])
    assert "canary-key-1" in secrets and "services" not in secrets

    def mask(text: str) -> str:
        return text.replace("canary-key-1", "***")

    assert _alert_test.refusals(LINES, mask) == {
        "refused/webhook": 'unexpected status code 400: https://h.example/… "no" ***',
        "db/webhook": 'Post "<redacted>": dial tcp 172.25.0.2:9812: connect: connection refused',
    }


def test_why_alerts_are_held_back_is_told_by_receiver() -> None:
    status = {"silencedBy": ["s1"], "inhibitedBy": ["fp"], "mutedBy": ["night"]}
    groups = [
        {"receiver": {"name": "oncall"}, "alerts": [{"status": status}, {"status": status}]},
        {"receiver": {"name": "lead"}, "alerts": [{"status": {"silencedBy": [], "inhibitedBy": [], "mutedBy": []}}]},
    ]
    words = ["silence s1 holds it back", "another alert inhibits it", "outside of its hours: night"]
    assert _alert_test.held(groups) == {"oncall": words}


def member(counts: dict[str, list[float]], **more: t.Any) -> dict[str, t.Any]:
    return {"counts": counts, "totals": counts, "seconds": dict.fromkeys(counts, 0.5), "answers": {}, **more}


def told(members: dict[str, dict[str, t.Any]], *, resolved: bool = False) -> dict[str, _alert_test_report.Row]:
    found = _alert_test_report.rows("main", planned()._asdict(), members, resolved=resolved)
    return {f"{row.receiver}/{row.channel}": row for row in found}


def test_each_channel_is_told() -> None:
    one = {
        "lead/webhook": [1.0, 0.0, 0.1, 0.0],
        "oncall/slack": [1.0, 0.0, 0.1, 0.0],
        "oncall/email": [1.0, 3.0, 0.1, 0.0],
        "watchdog/webhook": [7.0, 0.0, 0.1, 0.0],
    }
    answers = {"rest/webhook": "HTTP 400", "oncall/email": "busy"}
    rows = told(
        {
            "a": member(one, answers=answers, held={"shop": ["outside of its hours: office"]}),
            "b": member({"oncall/slack": [1.0, 0.0, 0.3, 0.0]}),
        }
    )
    assert {key: row.state for key, row in rows.items()} == {
        "lead/webhook": OK,
        "oncall/slack": OK,
        "oncall/email": WARNING,
        "shop/slack": SKIPPED,
        "rest/webhook": WRONG,
        "forgotten/-": WARNING,
        "watchdog/webhook": OK,
    }
    assert rows["oncall/slack"].detail == "delivered by a, b, taken in 0.20 s, all 2 of them"
    assert rows["oncall/slack"].seconds == 0.5
    assert rows["oncall/email"].detail.endswith("3 tries failed before: busy")
    assert rows["rest/webhook"].detail == "not delivered: HTTP 400"
    assert rows["watchdog/webhook"].detail == "called 7 times by what always fires"


def test_where_counts_do_not_name_receivers_one_that_refused_is_not_taken_for_another() -> None:
    plain = {"/webhook": [9.0, 1.0, 0.1, 1.0], "/slack": [9.0, 0.0, 0.1, 0.0], "/email": [9.0, 0.0, 0.1, 0.0]}
    rows = told({"a": member(plain, answers={"rest/webhook": "HTTP 400"})})
    assert rows["lead/webhook"].state == WARNING, "there were failures of that kind"
    assert rows["oncall/slack"].state == OK and rows["rest/webhook"].state == WRONG
    assert "receiver-name-in-metrics" in rows["(Alertmanager)/-"].detail


def test_what_is_silenced_or_not_sent_is_wrong() -> None:
    rows = told({"a": member({}, held={"oncall": ["silence s1 holds it back"]})})
    assert rows["oncall/slack"].state == WRONG and "silence s1" in rows["oncall/slack"].detail
    assert rows["rest/webhook"].detail == "not delivered: Alertmanager has not sent anything"
    assert rows["rest/webhook"].state == WRONG
    assert rows["watchdog/webhook"].state == WARNING


def test_ends_are_told_where_a_channel_tells_them() -> None:
    taken = {key: [2.0, 0.0, 0.1, 0.0] for key in _alert_test.awaited(planned().expected)}
    rows = told({"a": member(taken, ended={"rest/webhook": [1.0, 0.0, 0.1, 0.0]})}, resolved=True)
    assert rows["rest/webhook"].state == OK and rows["rest/webhook"].detail.endswith("; end told")
    assert rows["oncall/email"].state == OK, "a channel without send_resolved owes no end"
    found = _alert_test_report.rows("main", planned()._asdict(), {"a": member(taken)}, resolved=True)
    states = [row.state for row in found]
    assert states.count(WRONG) == 4


def test_the_way_from_prometheus_is_told() -> None:
    good = {"alertmanagers": 2, "dropped": 0.0, "errors": 0.0}
    assert _alert_test_report.way_row("main", "a", good, 2).state == OK
    assert _alert_test_report.way_row("main", "a", good, 3).state == WRONG
    assert _alert_test_report.way_row("main", "a", {**good, "dropped": 1.0}, 2).state == WARNING
    assert _alert_test_report.way_row("main", "a", {**good, "errors": 1.0}, 2).state == WARNING
