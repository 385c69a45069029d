# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module alert_test against a real Alertmanager, and against a Prometheus of paper."""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _by_url, _rule_server
from ansible_collections.obs.stack.plugins.modules import alert_test

RunModule = t.Callable[..., t.Dict[str, t.Any]]  # noqa: UP006  evaluated: Python 3.8
ALERTS = [{"labels": {"alertname": "ObsTest-x1", "obs_test": "x1"}}]


@pytest.fixture
def real(alertmanagers: t.Callable[..., t.Any], monkeypatch: pytest.MonkeyPatch) -> t.Any:
    """A real Alertmanager in the place of the host's."""
    one = alertmanagers()
    endpoint, prefix = _by_url.endpoint_at(one.url, "url", "input")
    server = _rule_server.Server(None, "alertmanager.service", endpoint, prefix, "none")
    monkeypatch.setattr(alert_test, "server_of", lambda options: server)
    return one


def firing(one: t.Any) -> list[str]:
    return [alert["labels"]["alertname"] for alert in one.ask("GET", "/api/v2/alerts")]


def test_what_is_raised_is_there_and_then_over(run_module: RunModule, real: t.Any) -> None:
    asked = run_module(alert_test, step="ask")
    assert "receiver: nobody" in asked["config"] and asked["watchdog_age"] == -1.0
    raised = run_module(alert_test, step="raise", alerts=ALERTS, old=60000, wait=0, asked_by="kim")
    assert raised["changed"] and firing(real) == ["ObsTest-x1"]
    (alert,) = real.ask("GET", "/api/v2/alerts")
    assert "for kim" in alert["annotations"]["description"]
    seen = run_module(
        alert_test,
        step="watch",
        alerts=ALERTS,
        before=raised["counts"],
        started=raised["at"],
        wait=0,
        expected={"nobody/slack": 1},
    )
    assert not seen["changed"] and seen["seconds"] == {} and seen["held"] == {} and seen["answers"] == {}
    ended = run_module(alert_test, step="end", alerts=ALERTS)
    assert ended["changed"] and firing(real) == []


def test_check_mode_raises_nothing(run_module: RunModule, real: t.Any) -> None:
    assert not run_module(alert_test, check_mode=True, step="raise", alerts=ALERTS)["changed"]
    assert firing(real) == []


def test_a_silence_that_holds_the_test_back_is_told(run_module: RunModule, real: t.Any) -> None:
    matcher = {"name": "obs_test", "value": "x1", "isRegex": False, "isEqual": True}
    times = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
    real.ask("POST", "/api/v2/silences", {"matchers": [matcher], "createdBy": "kim", "comment": "c", **times})
    run_module(alert_test, step="raise", alerts=ALERTS, old=60000, wait=0)
    deadline = time.monotonic() + 10
    held: dict[str, list[str]] = {}
    while not held and time.monotonic() < deadline:
        held = run_module(alert_test, step="watch", alerts=ALERTS, wait=0)["held"]
    assert "holds it back" in held["nobody"][0]


def test_a_host_without_alertmanager_says_so(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    result = run_module(alert_test, step="ask", root=str(tmp_path))
    assert result["failed"] and "no service alertmanager.service" in result["msg"]


def test_prometheus_is_asked_whom_it_tells(run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_test, "server_of", lambda options: options["service"])
    asked: list[str] = []

    def answer(server: str, path: str) -> t.Any:
        asked.append(path)
        if path == "/api/v1/alertmanagers":
            return {"activeAlertmanagers": [{"url": "a"}, {"url": "b"}]}
        return {"result": [{"value": [0, "2"]}] if "dropped" in path else []}

    monkeypatch.setattr(alert_test, "answer", answer)
    result = run_module(alert_test, step="way", host="obs-a")
    assert result["way"] == {"alertmanagers": 2, "dropped": 2.0, "errors": 0.0}
    assert "obs-a" in asked[1] and json.dumps(result)
