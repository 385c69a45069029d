# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What health checks share: an answer, a finding, and judgements that fit more than one service. Pure."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence

from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge

# A rule group that was just loaded has not been evaluated yet; after this time (seconds) it should have been.
UNKNOWN_RULES_SECONDS = 60.0
SHOWN = 3
NO_RULES = "there is none"


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


def answering(page: Page) -> Finding:
    """Whether the service answers at all, and lets us in."""
    if page.status == 200:
        return Finding("answers", True, "ready")
    if page.status == 0:
        return Finding("answers", False, page.body)
    if page.status == 401:
        return Finding("answers", False, "HTTP 401: the user name or password is refused")
    return Finding("answers", False, "HTTP {0} {1}".format(page.status, page.body.strip()[:120]).strip())


def document(page: Page, check: str) -> Finding | t.Any:
    """The JSON of a page, or why there is none."""
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


def rules(page: Page, age: float) -> Finding:
    """Whether every rule is evaluated without error.

    Args:
        page: ``/api/v1/rules``.
        age: seconds since the rules were loaded; a group may take its interval, or a minute, to be evaluated.
    """
    answer = document(page, "rules")
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
        return Finding("rules", False, some(wrong))
    if not count:
        return Finding("rules", False, NO_RULES)
    if waiting:
        return Finding("rules", True, "{0} of {1} not evaluated yet".format(len(waiting), count), pending=True)
    return Finding("rules", True, "{0} evaluated".format(count))


def some(items: Sequence[str]) -> str:
    """The first of many, and how many more there are."""
    more = len(items) - SHOWN
    return "; ".join(items[:SHOWN]) + ("; and {0} more".format(more) if more > 0 else "")
