# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Judge the health of a running service by what its own pages say. Pure: pages in, findings out."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _health_stack
from ansible_collections.obs.stack.plugins.module_utils._health_page import (
    Finding,
    Page,
    Pages,
    answering,
    document,
    reloaded,
    rules,
    some,
)
from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge, samples, total

READY = "/-/ready"
HEALTHY = "/-/healthy"
TARGETS = "/api/v1/targets?state=active"
RULES = "/api/v1/rules"
ALERTMANAGERS = "/api/v1/alertmanagers"
STATUS = "/api/v2/status"
METRICS = "/metrics"

PAGES: dict[str, tuple[str, ...]] = {
    "prometheus": (READY, METRICS, TARGETS, RULES, ALERTMANAGERS),
    "alertmanager": (READY, METRICS, STATUS),
    "node_exporter": (METRICS,),
    "blackbox_exporter": (HEALTHY, METRICS),
    "pushgateway": (READY, METRICS),
}
HEALTH_PORT = _health_stack.HEALTH_PORT
SERVICES = (*PAGES, *_health_stack.ROWS)


def pages_of(component: str, expected: Mapping[str, t.Any]) -> tuple[str, ...]:
    """The pages a service is judged by, first the one that says whether it is ready.

    Args:
        component: one of ``SERVICES``.
        expected: as of :func:`evaluate`.
    """
    return PAGES.get(component) or _health_stack.pages_of(component, expected)


def evaluate(
    component: str, pages: Pages, expected: Mapping[str, t.Any], now: float, *, strict: bool = False
) -> list[Finding]:
    """Judge one service.

    Args:
        component: one of ``SERVICES``.
        pages: answers by path.
        expected: what the inventory wants; absent keys are not judged. For Prometheus ``targets`` and ``applications``
            (lists of job and instance), ``jobs`` (those of the stack; other targets are users' applications),
            ``alertmanagers`` (number); for Alertmanager and Loki ``members`` (number); ``alerts``, ``lines``, ``spans``
            (whether some must have arrived); ``stores`` (number, or numbers by kind); ``health_port``.
        now: seconds since the epoch, on the service's host.
        strict: whether a warning, an application that is down for one, counts as wrong.

    Returns:
        One finding per check. When the first page says no, only that: the others would only repeat it.
    """
    answers = answering(pages[pages_of(component, expected)[0]])
    if not answers.healthy:
        return [answers]
    if component in _health_stack.ROWS:
        return [answers, *_health_stack.judged(component, _health_stack.Asked(pages, expected, now, strict))]
    judges: dict[str, t.Callable[[], list[Finding]]] = {
        "prometheus": lambda: _prometheus(pages, expected, now, strict),
        "alertmanager": lambda: _alertmanager(pages, expected),
        "node_exporter": lambda: [_textfiles(pages)],
        "blackbox_exporter": lambda: [reloaded(pages[METRICS], "blackbox_exporter")],
        "pushgateway": lambda: [_pushed(pages[METRICS], strict=strict)],
    }
    return [answers, *judges[component]()]


def _prometheus(pages: Pages, expected: Mapping[str, t.Any], now: float, strict: bool) -> list[Finding]:
    reload_finding = reloaded(pages[METRICS], "prometheus")
    born = max(
        gauge(pages[METRICS].body, "prometheus_config_last_reload_success_timestamp_seconds") or 0.0,
        gauge(pages[METRICS].body, "process_start_time_seconds") or 0.0,
    )
    findings = [reload_finding, *watched(pages[TARGETS], expected, strict=strict)]
    findings.append(rules(pages[RULES], now - born))
    if expected.get("alertmanagers"):
        findings.append(alertmanagers(pages[ALERTMANAGERS], int(expected["alertmanagers"])))
    return findings


def _alertmanager(pages: Pages, expected: Mapping[str, t.Any]) -> list[Finding]:
    findings = [reloaded(pages[METRICS], "alertmanager")]
    if expected.get("members"):
        findings.append(cluster(pages[STATUS], int(expected["members"])))
    if expected.get("alerts"):
        findings.append(received(pages[METRICS]))
    return findings


def watched(page: Page, expected: Mapping[str, t.Any], *, strict: bool) -> list[Finding]:
    """What Prometheus watches: the stack's own targets, and the users' applications where it is known which is which.

    Every target the inventory wants must be there, whoever's it is. Of the stack's every one must be up.
    """
    answer = document(page, "targets")
    if isinstance(answer, Finding):
        return [answer]
    active = answer["data"]["activeTargets"]
    jobs = expected.get("jobs")
    own = [target for target in active if jobs is None or _pool(target) in jobs]
    others = [target for target in active if jobs is not None and _pool(target) not in jobs]
    wanted = expected.get("applications") or []
    findings = [targets(own, expected.get("targets") or [])]
    if others or wanted:
        findings.append(applications(others, wanted, strict=strict))
    return findings


def targets(active: Sequence[Mapping[str, t.Any]], expected: Sequence[Sequence[str]]) -> Finding:
    """Whether every target is up, and every target the inventory wants is there."""
    wrong = _down(active) + _missing(active, expected)
    unscraped = _unscraped(active)
    if wrong:
        return Finding("targets", False, some(wrong))
    if unscraped:
        return Finding("targets", False, "{0} of {1} not scraped yet".format(unscraped, len(active)), pending=True)
    if not active:
        return Finding("targets", False, "there is none")
    return Finding("targets", True, "{0} up".format(len(active)))


def applications(active: Sequence[Mapping[str, t.Any]], expected: Sequence[Sequence[str]], *, strict: bool) -> Finding:
    """Whether users' applications are targets, which is the stack's to do, and up, which is theirs."""
    missing = _missing(active, expected)
    down = _down(active)
    unscraped = _unscraped(active)
    if missing:
        return Finding("applications", False, some(missing + down))
    if down:
        return Finding("applications", not strict, some(down), warning=True)
    if unscraped:
        detail = "{0} of {1} not scraped yet".format(unscraped, len(active))
        return Finding("applications", not strict, detail, pending=True, warning=True)
    return Finding("applications", True, "{0} up".format(len(active)))


def _pool(target: Mapping[str, t.Any]) -> str:
    """The job of the configuration; the label ``job`` may be another."""
    return str(target.get("scrapePool") or target["labels"].get("job", ""))


def _down(active: Sequence[Mapping[str, t.Any]]) -> list[str]:
    return [
        "{0} {1} is down ({2})".format(
            target["labels"].get("job"), target["labels"].get("instance"), target.get("lastError") or ""
        )
        for target in active
        if target["health"] not in ("up", "unknown")
    ]


def _missing(active: Sequence[Mapping[str, t.Any]], expected: Sequence[Sequence[str]]) -> list[str]:
    # A user's relabelling may have changed the instance: what was discovered counts as well.
    known = {
        (_pool(target), (target.get(labels) or {}).get("instance"))
        for target in active
        for labels in ("labels", "discoveredLabels")
    }
    return ["{0} {1} is no target".format(job, name) for job, name in expected if (job, name) not in known]


def _unscraped(active: Sequence[Mapping[str, t.Any]]) -> int:
    return sum(target["health"] == "unknown" for target in active)


def alertmanagers(page: Page, expected: int) -> Finding:
    """Whether Prometheus sends alerts to as many Alertmanagers as there are."""
    answer = document(page, "alertmanagers")
    if isinstance(answer, Finding):
        return answer
    count = len(answer["data"]["activeAlertmanagers"])
    return Finding("alertmanagers", count >= expected, "{0} of {1} known".format(count, expected))


def cluster(page: Page, expected: int) -> Finding:
    """Whether the Alertmanager sees all members. Its status alone stays `ready` when one dies."""
    answer = document(page, "cluster")
    if isinstance(answer, Finding):
        return answer
    state = answer["cluster"]["status"]
    if expected < 2:
        return Finding("cluster", state in ("disabled", "ready"), "alone" if state == "disabled" else state)
    count = len(answer["cluster"].get("peers") or [])
    return Finding("cluster", state == "ready" and count == expected, "{0}, {1} of {2}".format(state, count, expected))


def received(page: Page) -> Finding:
    """Whether alerts arrive: Watchdog always fires, so there is always one."""
    value = total(page.body, "alertmanager_alerts_received_total")
    if value:
        return Finding("alerts", True, "they arrive")
    return Finding("alerts", False, "no alert has arrived since the start, not even Watchdog")


def _pushed(page: Page, *, strict: bool) -> Finding:
    """Whether the last push of every group was taken. One that was not is its sender's fault: a warning."""
    if page.status != 200:
        return answering(page)._replace(check="pushes")
    taken = {_group(labels): when for labels, when in samples(page.body, "push_time_seconds")}
    refused = sorted(
        _group(labels)
        for labels, when in samples(page.body, "push_failure_time_seconds")
        if when > taken.get(_group(labels), 0.0)
    )
    if refused:
        return Finding("pushes", not strict, "the last push was refused of {0}".format(some(refused)), warning=True)
    return Finding("pushes", True, "{0} groups".format(len(taken)))


def _group(labels: Mapping[str, str]) -> str:
    """The grouping key of a push, as it stands in its URL."""
    ordered = sorted(labels.items(), key=lambda pair: (pair[0] != "job", pair))
    return "/".join("{0}/{1}".format(*pair) for pair in ordered if pair[1])


def _textfiles(pages: Pages) -> Finding:
    value = gauge(pages[METRICS].body, "node_textfile_scrape_error")
    if value:
        return Finding("textfile", False, "a file cannot be read; journalctl -u node_exporter names it")
    return Finding("textfile", True, "readable" if value == 0 else "off")
