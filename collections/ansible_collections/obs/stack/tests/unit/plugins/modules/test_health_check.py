# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module health_check: it asks, waits, tells, and fails only when it should."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.obs.stack.plugins.modules import health_check

GOOD = b"node_textfile_scrape_error 0\n"
BAD = b"node_textfile_scrape_error 1\n"


class Service:
    """Answers like an Endpoint, one prepared answer after the other; the last one stays."""

    def __init__(self, *answers: bytes | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, **how: t.Any) -> Service:
        self.how = how
        return self

    def url(self, path: str) -> str:
        return "http://127.0.0.1:9100" + path

    def get(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return 200, answer


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> t.Callable[..., tuple[int, dict[str, t.Any]]]:
    """Runs the module against a service; returns exit status and result."""
    clock = {"now": 0.0}
    monkeypatch.setattr(health_check.time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(health_check.time, "sleep", lambda seconds: clock.update(now=clock["now"] + seconds))

    def call(service: Service, **arguments: t.Any) -> tuple[int, dict[str, t.Any]]:
        monkeypatch.setattr(health_check, "Endpoint", service)
        given = {"component": "node_exporter", "port": 9100, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit) as left:
            health_check.main()
        return int(left.value.code or 0), json.loads(capsys.readouterr().out)

    return call


def test_healthy_service_is_asked_once(run: t.Any) -> None:
    service = Service(GOOD)
    code, result = run(service, wait=60, prefix="/node")
    assert (code, result["healthy"], result["changed"], result["waited"]) == (0, True, False, 0)
    assert service.asked == ["/node/metrics"]
    assert [finding["check"] for finding in result["findings"]] == ["answers", "textfile"]


def test_unhealthy_service_fails_naming_what_is_wrong(run: t.Any) -> None:
    code, result = run(Service(BAD))
    assert code == 1
    assert "node_exporter at http://127.0.0.1:9100 is not healthy: textfile:" in result["msg"]


def test_unhealthy_service_can_be_told_only(run: t.Any) -> None:
    code, result = run(Service(BAD), fail=False)
    assert (code, result["healthy"]) == (0, False)


def test_it_goes_on_asking_until_all_is_well(run: t.Any) -> None:
    code, result = run(Service(BAD, BAD, GOOD), wait=60)
    assert (code, result["healthy"], result["waited"]) == (0, True, 2.0)


def test_it_gives_up_when_the_time_is_over(run: t.Any) -> None:
    code, result = run(Service(BAD), wait=30)
    assert (code, result["waited"]) == (1, 30.0)


def test_silence_is_given_ten_seconds_only(run: t.Any) -> None:
    code, result = run(Service(OSError("refused")), wait=600)
    assert (code, result["waited"]) == (1, 10.0)
    assert "does not answer: refused" in result["msg"]


@pytest.mark.parametrize("strict", [False, True])
def test_application_that_is_down_fails_when_strict_only(
    run: t.Any, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> None:
    def judge(*_arguments: t.Any, strict: bool) -> list[t.Any]:
        return [health_check._health.Finding("applications", not strict, "shop is down", warning=True)]

    monkeypatch.setattr(health_check._health, "evaluate", judge)
    code, result = run(Service(GOOD), strict=strict)
    assert (code, result["healthy"]) == (int(strict), not strict)
    assert result["findings"][0]["warning"] is True


def test_password_reaches_the_service_and_nothing_else(run: t.Any) -> None:
    service = Service(BAD)
    _code, result = run(service, username="metrics", password="canary-1")
    assert service.how["password"] == "canary-1"
    assert "canary-1" not in json.dumps(result)


def test_health_of_a_collector_is_asked_on_its_own_port(run: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str]] = []

    class Collector(Service):
        port = 0

        def __call__(self, **how: t.Any) -> Service:
            page = type(self)()
            page.port = how["port"]
            return page

        def get(self, path: str) -> tuple[int, bytes]:
            asked.append((self.port, path))
            return 200, b""

    code, result = run(Collector(), component="otelcol", port=8889, prefix="/x", expected={"health_port": 13133})
    assert (code, result["healthy"]) == (0, True)
    assert asked == [(13133, "/"), (8889, "/x/metrics")]


WAY = {"what": "push", "address": "10.0.0.1", "port": 3100, "path": "/push"}


def test_open_way_in_is_found_once_the_service_is_well(run: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[t.Any] = []

    def attempt(way: t.Any) -> t.Any:
        tried.append(way)
        return health_check._ways_in.Attempt("http", 204)

    monkeypatch.setattr(health_check._trying, "attempt", attempt)
    code, result = run(Service(BAD, GOOD), wait=9, expected={"guarded": [WAY]})
    assert code == 1 and len(tried) == 1, "tried once, however long it was waited"
    assert result["findings"][-1]["check"] == "guarded" and "takes writes from anybody" in result["msg"]
    code, result = run(Service(GOOD), expected={"guarded": [{**WAY, "warning": True}]})
    assert (code, result["findings"][-1]["warning"]) == (0, True)
    code, result = run(Service(GOOD), expected={"guarded": [{**WAY, "warning": True}]}, strict=True)
    assert code == 1
    tried.clear()
    code, _result = run(Service(OSError("refused")), expected={"guarded": [WAY]})
    assert code == 1 and not tried


def test_keys_in_files_are_told_on_ec2(run: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_check._instance, "vendor", lambda: "Amazon EC2")
    _code, result = run(Service(GOOD), expected={"static_keys": True})
    assert [f["check"] for f in result["findings"] if f["warning"]] == ["credentials"]
    _code, result = run(Service(GOOD), expected={"static_keys": False})
    assert not [f for f in result["findings"] if f["warning"]]


def test_choices_are_the_services_there_are() -> None:
    options = yaml.safe_load(health_check.DOCUMENTATION)["options"]
    assert options["component"]["choices"] == list(health_check._health.SERVICES)
