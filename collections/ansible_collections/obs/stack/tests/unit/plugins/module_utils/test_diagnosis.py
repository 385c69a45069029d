# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A runbook's page as something that runs."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _diagnosis
from ansible_collections.obs.stack.plugins.module_utils._diagnosis import Asked

PAGE = """# Full

Severity `page`.

## Meaning

It is [full](x.md), and
says so.

## Impact

Nothing is written.

## Diagnosis

Who writes?

```promql
up{host="$host"}

rate(x{host="$host", path="$mountpoint"}[5m])
```

```logql
{service_name="$job"}
```

## Mitigation

Delete.

```sh
ssh $host rm $mountpoint/x
```

## Escalation

Nobody.
"""


def test_a_page_is_taken_apart() -> None:
    page = _diagnosis.page_of("Full", PAGE)
    assert page.texts["Meaning"] == "It is full, and says so." and page.texts["Diagnosis"] == "Who writes?"
    assert page.promql == ('up{host="$host"}', 'rate(x{host="$host", path="$mountpoint"}[5m])')
    assert page.logql == ('{service_name="$job"}',) and page.sh == ("ssh $host rm $mountpoint/x",)


def test_a_query_that_lacks_a_label_is_not_asked() -> None:
    page = _diagnosis.page_of("Full", PAGE)
    assert _diagnosis.queries(page, {"host": 'a"b\\', "job": "shop"}) == [
        Asked("promql", 'up{host="a\\"b\\\\"}', ()),
        Asked("promql", 'rate(x{host="$host", path="$mountpoint"}[5m])', ("mountpoint",)),
        Asked("logql", '{service_name="shop"}', ()),
    ]
    assert _diagnosis.filled(page.sh[0], {"host": "a"}) == "ssh a rm $mountpoint/x"


@pytest.mark.parametrize(
    ("name", "hint"), [("targetdown", "TargetDown"), ("TargetDow", "TargetDown"), ("Xyz", "docs/alerts.md")]
)
def test_an_unknown_alert_is_told_with_the_one_that_was_meant(name: str, hint: str) -> None:
    assert hint in str(_diagnosis.unknown(name, ["TargetDown", "NodeDown"]))


def series(value: str, **labels: str) -> dict[str, t.Any]:
    return {"metric": labels, "value": [0, value]}


def answer(*results: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [{"result": result} for result in results]


FIRST = {"alertname": "Full", "host": "a", "severity": "page"}
SECOND = {"alertname": "Full", "host": "b", "severity": "page"}


def test_both_replicas_of_an_alert_are_one_and_the_oldest_comes_first() -> None:
    one = answer(
        [series("1", alertstate="firing", **SECOND), series("1", alertstate="firing", **FIRST)],
        [series("100", **FIRST), series("200", **SECOND)],
        [],
    )
    other = answer([series("1", alertstate="firing", replica="2", **FIRST)], [series("100", replica="2", **FIRST)], [])
    found = _diagnosis.subject("Full", {"host": ""}, [one, other], "main")
    assert found.labels == {**FIRST, "site": "main"}
    assert (found.state, found.since, found.others) == ("firing", 100.0, 1)


def test_what_waits_comes_behind_what_fires() -> None:
    found = answer(
        [series("1", alertstate="pending", **FIRST), series("1", alertstate="firing", **SECOND)],
        [series("100", **FIRST), series("200", **SECOND)],
        [],
    )
    assert _diagnosis.subject("Full", {}, [found]).labels["host"] == "b"


def test_an_alert_that_does_not_fire_is_known_by_its_instance() -> None:
    up = [series("1", __name__="up", job="shop", host="a", instance="a:80")]
    found = _diagnosis.subject("Full", {"instance": "a:80"}, [answer([], [], [series("50")], up)])
    assert found.state == "inactive" and found.last == 50.0
    assert found.labels == {"alertname": "Full", "job": "shop", "host": "a", "instance": "a:80"}
    asked = _diagnosis.first_queries("Full", {"instance": 'a"', "host": ""})
    assert asked[0] == 'ALERTS{alertname="Full", instance="a\\""}' and len(asked) == 4
    assert len(_diagnosis.first_queries("Full", {})) == 3
