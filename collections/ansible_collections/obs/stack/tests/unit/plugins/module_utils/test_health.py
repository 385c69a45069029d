# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of services and what is made of them."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _health
from ansible_collections.obs.stack.plugins.module_utils._health_page import Page

LOADED = 1000.0
METRICS = (
    "# TYPE prometheus_config_last_reload_successful gauge\n"
    "prometheus_config_last_reload_successful {ok}\n"
    "prometheus_config_last_reload_success_timestamp_seconds 1e+03\n"
    "process_start_time_seconds 900\n"
)


def target(job: str, instance: str, health: str = "up", error: str = "") -> dict[str, t.Any]:
    """A target as /api/v1/targets tells it."""
    return {"labels": {"job": job, "instance": instance}, "health": health, "lastError": error}


def rule(name: str, health: str = "ok", error: str = "") -> dict[str, t.Any]:
    """A rule as /api/v1/rules tells it."""
    return {"name": name, "health": health, "lastError": error}


def prometheus(
    *, active: t.Any = None, rules: t.Any = None, known: int = 1, ok: int = 1, interval: float = 15
) -> dict[str, Page]:
    """Pages of a Prometheus; healthy unless told otherwise."""
    active = [target("node_exporter", "a:9100")] if active is None else active
    rules = [rule("Up")] if rules is None else rules

    def page(data: t.Any) -> Page:
        return Page(200, json.dumps({"status": "success", "data": data}))

    return {
        _health.READY: Page(200, "Prometheus Server is Ready.\n"),
        _health.METRICS: Page(200, METRICS.format(ok=ok)),
        _health.TARGETS: page({"activeTargets": active}),
        _health.RULES: page({"groups": [{"name": "g", "interval": interval, "rules": rules}]}),
        _health.ALERTMANAGERS: page({"activeAlertmanagers": [{"url": "x"}] * known}),
    }


EXPECTED = {"targets": [["node_exporter", "a:9100"]], "alertmanagers": 1}


def wrong(
    pages: dict[str, Page],
    age: float = 500,
    component: str = "prometheus",
    expected: t.Any = None,
    strict: bool = False,
) -> dict[str, str]:
    """What is unhealthy: check to detail."""
    expected = EXPECTED if expected is None else expected
    findings = _health.evaluate(component, pages, expected, LOADED + age, strict=strict)
    return {finding.check: finding.detail for finding in findings if not finding.healthy}


def test_healthy_prometheus() -> None:
    assert wrong(prometheus()) == {}
    checks = [finding.check for finding in _health.evaluate("prometheus", prometheus(), EXPECTED, 2000)]
    assert checks == ["answers", "configuration", "targets", "rules", "alertmanagers"]


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        (
            {"active": [target("n", "a:9100", "down", "connection refused")]},
            "targets",
            "n a:9100 is down (connection refused)",
        ),
        ({"active": [target("n", "b:9100")]}, "targets", "node_exporter a:9100 is no target"),
        ({"active": [target("node_exporter", "a:9100", "unknown")]}, "targets", "1 of 1 not scraped yet"),
        ({"rules": [rule("Bad", "err", "boom")]}, "rules", "Bad in g: boom"),
        ({"rules": [rule("Late", "unknown")]}, "rules", "Late in g is not evaluated"),
        ({"rules": []}, "rules", "there is none"),
        ({"known": 0}, "alertmanagers", "0 of 1 known"),
        ({"ok": 0}, "configuration", "the last reload failed"),
    ],
)
def test_what_is_wrong_with_prometheus(changes: dict[str, t.Any], check: str, words: str) -> None:
    found = wrong(prometheus(**changes))
    assert list(found) == [check]
    assert words in found[check]


@pytest.mark.parametrize(
    ("age", "interval", "healthy"), [(10, 15, True), (61, 15, False), (61, 300, True), (301, 300, False)]
)
def test_new_rules_have_their_interval_or_a_minute(age: float, interval: float, healthy: bool) -> None:
    pages = prometheus(rules=[rule("New", "unknown")], interval=interval)
    assert ("rules" not in wrong(pages, age=age)) is healthy
    findings = _health.evaluate("prometheus", pages, EXPECTED, LOADED + age)
    assert any(finding.pending for finding in findings) is healthy


def test_targets_are_none_without_any() -> None:
    assert wrong(prometheus(active=[]), expected={}) == {"targets": "there is none"}


def test_many_targets_are_counted_not_listed() -> None:
    detail = wrong(prometheus(active=[target("n", f"{number}:1", "down") for number in range(9)]))["targets"]
    assert "and 7 more" in detail


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (Page(0, "http://x does not answer: refused"), "refused"),
        (Page(401, ""), "the user name or password is refused"),
        (Page(503, "Service Unavailable"), "HTTP 503 Service Unavailable"),
    ],
)
def test_silent_service_is_one_finding(page: Page, words: str) -> None:
    found = wrong({**prometheus(), _health.READY: page})
    assert list(found) == ["answers"]
    assert words in found["answers"]


def test_page_that_is_no_json_is_told() -> None:
    pages = {**prometheus(), _health.TARGETS: Page(200, "<html>"), _health.RULES: Page(500, "oops")}
    assert wrong(pages) == {"targets": "not a JSON answer", "rules": "HTTP 500 oops"}


def alertmanager(*, status: str = "ready", peers: int = 2, received: str = "3", ok: int = 1) -> dict[str, Page]:
    """Pages of an Alertmanager."""
    metrics = (
        f"alertmanager_config_last_reload_successful {ok}\n"
        f'alertmanager_alerts_received_total{{status="firing",version="v2"}} {received}\n'
        'alertmanager_alerts_received_total{status="resolved",version="v2"} 0\n'
    )
    cluster = {"status": status, "peers": [{"name": str(number)} for number in range(peers)]}
    return {
        _health.READY: Page(200, "OK"),
        _health.METRICS: Page(200, metrics),
        _health.STATUS: Page(200, json.dumps({"cluster": cluster})),
    }


MEMBERS = {"members": 2, "alerts": True}


def test_healthy_alertmanager() -> None:
    assert wrong(alertmanager(), component="alertmanager", expected=MEMBERS) == {}


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"peers": 1}, "cluster", "ready, 1 of 2"),
        ({"peers": 3}, "cluster", "ready, 3 of 2"),
        ({"status": "settling"}, "cluster", "settling, 2 of 2"),
        ({"received": "0"}, "alerts", "not even Watchdog"),
        ({"ok": 0}, "configuration", "the last reload failed"),
    ],
)
def test_what_is_wrong_with_alertmanager(changes: dict[str, t.Any], check: str, words: str) -> None:
    found = wrong(alertmanager(**changes), component="alertmanager", expected=MEMBERS)
    assert list(found) == [check]
    assert words in found[check]


@pytest.mark.parametrize(("status", "healthy"), [("disabled", True), ("ready", True), ("settling", False)])
def test_alertmanager_alone(status: str, healthy: bool) -> None:
    found = wrong(alertmanager(status=status, peers=0), component="alertmanager", expected={"members": 1})
    assert (found == {}) is healthy


@pytest.mark.parametrize(
    ("metrics", "healthy"),
    [("node_textfile_scrape_error 0", True), ("", True), ("node_textfile_scrape_error 1", False)],
)
def test_node_exporter(metrics: str, healthy: bool) -> None:
    assert (wrong({_health.METRICS: Page(200, metrics + "\n")}, component="node_exporter") == {}) is healthy


OWN = target("node_exporter", "a:9100")
WANTED = {**EXPECTED, "jobs": ["node_exporter"], "applications": [["shop", "x:8080"]]}


def application(active: list[t.Any], *, strict: bool = False) -> _health.Finding:
    """What is found about applications, with the stack's own target up."""
    pages = prometheus(active=[OWN, *active])
    findings = {f.check: f for f in _health.evaluate("prometheus", pages, WANTED, LOADED + 500, strict=strict)}
    assert findings["targets"].detail == "1 up"
    return findings["applications"]


@pytest.mark.parametrize("strict", [False, True])
def test_application_that_is_up_is_well(strict: bool) -> None:
    finding = application([target("shop", "x:8080")], strict=strict)
    assert (finding.healthy, finding.warning, finding.detail) == (True, False, "1 up")


def test_application_that_is_down_is_a_warning_and_wrong_only_when_strict() -> None:
    down = [target("shop", "x:8080", "down", "refused")]
    finding = application(down)
    assert (finding.healthy, finding.warning, finding.pending) == (True, True, False)
    assert finding.detail == "shop x:8080 is down (refused)"
    assert not application(down, strict=True).healthy


def test_application_that_is_no_target_is_wrong() -> None:
    finding = application([target("other", "x:1")])
    assert not finding.healthy
    assert finding.detail == "shop x:8080 is no target"


@pytest.mark.parametrize("strict", [False, True])
def test_application_not_scraped_yet_is_worth_waiting_for(strict: bool) -> None:
    finding = application([target("shop", "x:8080", "unknown")], strict=strict)
    assert finding.pending
    assert finding.healthy is not strict


def test_job_and_instance_may_be_relabelled() -> None:
    other = {**target("till", "till-1"), "scrapePool": "shop", "discoveredLabels": {"instance": "x:8080"}}
    assert application([other]).detail == "1 up"


def test_without_jobs_every_target_is_the_stacks() -> None:
    assert "targets" in wrong(prometheus(active=[OWN, target("shop", "x:8080", "down")]))


def test_without_applications_nothing_is_said_of_them() -> None:
    findings = _health.evaluate("prometheus", prometheus(), {**EXPECTED, "jobs": ["node_exporter"]}, LOADED + 500)
    assert "applications" not in {finding.check for finding in findings}


PUSHED = (
    'push_time_seconds{instance="",job="backup"} 100\npush_failure_time_seconds{instance="",job="backup"} 0\n'
    'push_time_seconds{instance="a",job="sync"} 100\npush_failure_time_seconds{instance="a",job="sync"} 200\n'
)


def test_a_push_that_was_refused_is_its_senders_fault() -> None:
    pages = {_health.READY: Page(200, ""), _health.METRICS: Page(200, PUSHED)}
    (_answers, found) = _health.evaluate("pushgateway", pages, {}, 0)
    assert (found.healthy, found.warning) == (True, True)
    assert found.detail == "the last push was refused of job/sync/instance/a"
    assert not _health.evaluate("pushgateway", pages, {}, 0, strict=True)[1].healthy
    later = PUSHED.replace("100", "300")
    (_answers, found) = _health.evaluate("pushgateway", {**pages, _health.METRICS: Page(200, later)}, {}, 0)
    assert (found.healthy, found.warning, found.detail) == (True, False, "2 groups")


@pytest.mark.parametrize(("value", "healthy"), [("1", True), ("0", False)])
def test_an_exporter_of_probes_must_have_its_configuration(value: str, healthy: bool) -> None:
    metrics = Page(200, f"blackbox_exporter_config_last_reload_successful {value}\n")
    pages = {_health.HEALTHY: Page(200, "Healthy"), _health.METRICS: metrics}
    assert _health.pages_of("blackbox_exporter", {}) == tuple(pages)
    assert _health.evaluate("blackbox_exporter", pages, {}, 0)[1].healthy is healthy
