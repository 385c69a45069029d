# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Judge the health of a running service by what its own pages say. Pure: pages in, findings out."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge, total

# A rule group that was just loaded has not been evaluated yet; after this time (seconds) it should have been.
UNKNOWN_RULES_SECONDS = 60.0
SHOWN = 3


class Page(t.NamedTuple):
    """An answer: ``status`` 0 means none, then ``body`` says why."""

    status: int
    body: str


class Finding(t.NamedTuple):
    """One thing looked at. ``pending`` is worth waiting for; ``warning`` is well for the stack, but not for a user."""

    check: str
    healthy: bool
    detail: str
    pending: bool = False
    warning: bool = False


Pages = t.Mapping[str, Page]

READY = "/-/ready"
TARGETS = "/api/v1/targets?state=active"
RULES = "/api/v1/rules"
ALERTMANAGERS = "/api/v1/alertmanagers"
STATUS = "/api/v2/status"
METRICS = "/metrics"

PAGES: dict[str, tuple[str, ...]] = {
    "prometheus": (READY, METRICS, TARGETS, RULES, ALERTMANAGERS),
    "alertmanager": (READY, METRICS, STATUS),
    "node_exporter": (METRICS,),
}


def evaluate(
    component: str, pages: Pages, expected: Mapping[str, t.Any], now: float, *, strict: bool = False
) -> list[Finding]:
    """Judge one service.

    Args:
        component: a key of ``PAGES``.
        pages: answers by path.
        expected: what the inventory wants: ``targets`` and ``applications`` (lists of job and instance), ``jobs``
            (those of the stack; other targets are users' applications), ``alertmanagers`` (number), ``members``
            (number), ``alerts`` (whether some must have arrived); absent keys are not judged.
        now: seconds since the epoch, on the service's host.
        strict: whether an application that is down counts as wrong; otherwise it is a warning.

    Returns:
        One finding per check. When the first page says no, only that: the others would only repeat it.
    """
    first = PAGES[component][0]
    answers = answering(pages[first])
    if not answers.healthy:
        return [answers]
    judges: dict[str, t.Callable[[], list[Finding]]] = {
        "prometheus": lambda: _prometheus(pages, expected, now, strict),
        "alertmanager": lambda: _alertmanager(pages, expected),
        "node_exporter": lambda: [_textfiles(pages)],
    }
    return [answers, *judges[component]()]


def answering(page: Page) -> Finding:
    """Whether the service answers at all, and lets us in."""
    if page.status == 200:
        return Finding("answers", True, "ready")
    if page.status == 0:
        return Finding("answers", False, page.body)
    if page.status == 401:
        return Finding("answers", False, "HTTP 401: the user name or password is refused")
    return Finding("answers", False, "HTTP {0} {1}".format(page.status, page.body.strip()[:120]).strip())


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


def _data(page: Page, check: str) -> Finding | t.Any:
    if page.status != 200:
        return answering(page)._replace(check=check)
    try:
        return json.loads(page.body)
    except ValueError:
        return Finding(check, False, "not a JSON answer")


def reloaded(page: Page, prefix: str) -> Finding:
    """Whether the configuration on disk is the one in use."""
    value = gauge(page.body, "{0}_config_last_reload_successful".format(prefix)) if page.status == 200 else None
    if value == 1:
        return Finding("configuration", True, "the last reload succeeded")
    if value == 0:
        return Finding("configuration", False, "the last reload failed; journalctl -u {0} says why".format(prefix))
    return Finding("configuration", False, "/metrics does not tell about the last reload")


def watched(page: Page, expected: Mapping[str, t.Any], *, strict: bool) -> list[Finding]:
    """What Prometheus watches: the stack's own targets, and the users' applications where it is known which is which.

    Every target the inventory wants must be there, whoever's it is. Of the stack's every one must be up.
    """
    answer = _data(page, "targets")
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
        return Finding("targets", False, _some(wrong))
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
        return Finding("applications", False, _some(missing + down))
    if down:
        return Finding("applications", not strict, _some(down), warning=True)
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


def rules(page: Page, age: float) -> Finding:
    """Whether every rule is evaluated without error.

    Args:
        page: ``/api/v1/rules``.
        age: seconds since the rules were loaded; a group may take its interval, or a minute, to be evaluated.
    """
    answer = _data(page, "rules")
    if isinstance(answer, Finding):
        return answer
    count = 0
    wrong: list[str] = []
    waiting: list[str] = []
    for group in answer["data"]["groups"]:
        for rule in group["rules"]:
            count += 1
            if rule["health"] == "err":
                wrong.append("{0} in {1}: {2}".format(rule["name"], group["name"], rule.get("lastError") or ""))
            elif rule["health"] != "ok":
                late = age > max(float(group.get("interval") or 0), UNKNOWN_RULES_SECONDS)
                (wrong if late else waiting).append("{0} in {1} is not evaluated".format(rule["name"], group["name"]))
    if wrong:
        return Finding("rules", False, _some(wrong))
    if not count:
        return Finding("rules", False, "there is none")
    if waiting:
        return Finding("rules", True, "{0} of {1} not evaluated yet".format(len(waiting), count), pending=True)
    return Finding("rules", True, "{0} evaluated".format(count))


def alertmanagers(page: Page, expected: int) -> Finding:
    """Whether Prometheus sends alerts to as many Alertmanagers as there are."""
    answer = _data(page, "alertmanagers")
    if isinstance(answer, Finding):
        return answer
    count = len(answer["data"]["activeAlertmanagers"])
    return Finding("alertmanagers", count >= expected, "{0} of {1} known".format(count, expected))


def cluster(page: Page, expected: int) -> Finding:
    """Whether the Alertmanager sees all members. Its status alone stays `ready` when one dies."""
    answer = _data(page, "cluster")
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


def _textfiles(pages: Pages) -> Finding:
    value = gauge(pages[METRICS].body, "node_textfile_scrape_error")
    if value:
        return Finding("textfile", False, "a file cannot be read; journalctl -u node_exporter names it")
    return Finding("textfile", True, "readable" if value == 0 else "off")


def _some(items: Sequence[str]) -> str:
    more = len(items) - SHOWN
    return "; ".join(items[:SHOWN]) + ("; and {0} more".format(more) if more > 0 else "")
