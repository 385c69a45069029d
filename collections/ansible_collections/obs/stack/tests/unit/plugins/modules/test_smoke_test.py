# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module smoke_test: in which order it does things, and what it says of what is left."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.modules import smoke_test

ID = 431882190123


class Alertmanager:
    """An Alertmanager that knows one silence and one alert. broken: call -> what it answers instead."""

    def __init__(self, **broken: t.Any) -> None:
        self.broken = broken
        self.calls: list[str] = []
        self.silence = "none"
        self.alert: dict[str, t.Any] = {}
        self.told: list[str] = []
        self.how: dict[str, t.Any] = {}

    def __call__(self, **how: t.Any) -> Alertmanager:
        self.how = how
        return self

    def url(self, path: str) -> str:
        return "http://127.0.0.1:9093" + path

    def request(self, method: str, path: str, *, json: bytes | None = None) -> tuple[int, bytes]:
        page = path.partition("?")[0].replace("/am/api/v2/", "").partition("/")[0]
        call = f"{method.lower()}_{page}"
        self.calls.append(call)
        answer = self.broken.get(call)
        if isinstance(answer, OSError):
            raise answer
        if answer is not None:
            return t.cast("tuple[int, bytes]", answer)
        return 200, self._answer(call, json)

    def _answer(self, call: str, body: bytes | None) -> bytes:
        now = smoke_test.stamp(smoke_test.time.time())
        if call == "post_silences":
            self.silence = "active"
            return b'{"silenceID": "s1"}'
        if call == "get_silence":
            return json.dumps({"id": "s1", "status": {"state": self.silence}}).encode()
        if call == "delete_silence":
            self.silence = "expired"
        elif call == "post_alerts":
            self.alert = json.loads(body or b"")[0]
        elif call == "get_alerts":
            alive = self.alert and self.alert["endsAt"] > now
            status = {"state": "suppressed", "silencedBy": ["s1"], "inhibitedBy": []}
            return json.dumps([{"status": status}] if alive else []).encode()
        if self.silence != "active" and self.alert and self.alert["endsAt"] > now:
            self.told.append("a receiver was told")
        return b""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, run_module: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    """Runs a step against a service; waiting passes at once."""
    clock = {"now": 1000.0}
    monkeypatch.setattr(smoke_test.time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(smoke_test.time, "time", lambda: 1.7e9 + clock["now"])
    monkeypatch.setattr(smoke_test.time, "sleep", lambda seconds: clock.update(now=clock["now"] + seconds))

    def call(service: t.Any, step: str, **arguments: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(smoke_test, "Endpoint", service)
        given = {"step": step, "id": ID, "port": 9093, "prefix": "/am", "wait": 3, **arguments}
        return t.cast("dict[str, t.Any]", run_module(smoke_test, **given))

    return call


class Pages:
    """Answers GETs by path, each path's answers one after the other; the last one stays."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = answers

    def __call__(self, **how: t.Any) -> Pages:
        return self

    def url(self, path: str) -> str:
        return "http://127.0.0.1:9090" + path

    def request(self, method: str, path: str, *, json: bytes | None = None) -> tuple[int, bytes]:
        page = path.partition("?")[0].rpartition("/")[2]
        left = self.answers[page]
        return 200, (left.pop(0) if len(left) > 1 else left[0]).encode()


def test_alert_is_silenced_first_and_the_silence_goes_last(run: t.Any) -> None:
    service = Alertmanager()
    result = run(service, "alert")
    assert not result["failed"] and result["changed"]
    assert service.calls == [
        "post_silences",
        "get_silence",
        "post_alerts",
        "get_alerts",
        "post_alerts",
        "get_alerts",
        "delete_silence",
    ]
    assert not service.told
    assert result["wrote"] == ["silence s1 expired", "alert ObsSmokeTest ended"]
    assert [(f["check"], f["target"], f["state"]) for f in result["findings"]] == [("alert", "alertmanager", "ok")]


def test_alert_that_is_not_seen_is_ended_all_the_same(run: t.Any) -> None:
    service = Alertmanager(get_alerts=(200, b"[]"))
    result = run(service, "alert")
    assert result["failed"] and "Could not see the alert held back" in result["msg"]
    assert service.silence == "expired" and not service.told
    assert result["wrote"] == ["silence s1 expired", "alert ObsSmokeTest ended"]


def test_silence_that_does_not_hold_stops_before_the_alert(run: t.Any) -> None:
    service = Alertmanager(get_silence=(200, b'{"status": {"state": "pending"}}'))
    result = run(service, "alert")
    assert result["failed"] and "its silence is not active" in result["msg"]
    assert "post_alerts" not in service.calls
    assert "Its silence s1 ends at " in result["msg"]


def test_alert_that_does_not_end_keeps_its_silence(run: t.Any) -> None:
    stuck = json.dumps([{"status": {"state": "suppressed", "silencedBy": ["s1"]}}]).encode()
    service = Alertmanager(get_alerts=(200, stuck))
    result = run(service, "alert")
    assert result["failed"] and "Could not end the alert" in result["msg"]
    assert service.silence == "active", "an alert without its silence would be told to somebody"
    assert result["wrote"][0].startswith("silence s1 until ") and result["wrote"][1].startswith(
        "alert ObsSmokeTest until "
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OSError("Connection refused"), "Connection refused"),
        ((401, b"Unauthorized"), "HTTP 401: the user name or password is refused"),
        ((500, b"boom"), "HTTP 500 boom"),
        ((200, b"<html>"), "not a JSON answer"),
    ],
)
def test_refusals_are_told_in_one_line(run: t.Any, answer: t.Any, words: str) -> None:
    result = run(Alertmanager(post_silences=answer), "alert", fail=False)
    finding = result["findings"][0]
    assert not result["failed"] and finding["state"] == "WRONG"
    assert words in finding["detail"] and "http://127.0.0.1:9093/am/api/v2/silences" in finding["detail"]
    assert not result["changed"] and result["wrote"] == []


def test_password_reaches_the_service_and_nothing_else(run: t.Any) -> None:
    service = Alertmanager(post_silences=(401, b""))
    result = run(service, "alert", username="metrics", password="canary-1")
    assert service.how["password"] == "canary-1"
    assert "canary-1" not in json.dumps(result)


def test_sample_is_written_whole_and_seen_at_node_exporter(run: t.Any, tmp_path: pathlib.Path) -> None:
    link = tmp_path / "obs_smoke_test.prom"
    other = tmp_path / "other"
    other.write_text("precious")
    link.symlink_to(other)
    result = run(Pages(metrics=["x 1\n", f"obs_smoke_test {float(ID)}\n"]), "sample_write", textfile_dir=str(tmp_path))
    assert not result["failed"] and result["changed"]
    assert not link.is_symlink() and f"obs_smoke_test {ID}\n" in link.read_text()
    assert link.stat().st_mode & 0o777 == 0o644
    assert other.read_text() == "precious", "a link somebody left there is replaced, not followed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["obs_smoke_test.prom", "other"]


def test_sample_node_exporter_does_not_show_is_told(run: t.Any, tmp_path: pathlib.Path) -> None:
    result = run(Pages(metrics=["obs_smoke_test 5\n"]), "sample_write", textfile_dir=str(tmp_path))
    assert result["failed"] and "node_exporter_collectors" in result["msg"]


def test_folder_that_is_not_there_is_told(run: t.Any, tmp_path: pathlib.Path) -> None:
    result = run(Pages(metrics=[""]), "sample_write", textfile_dir=str(tmp_path / "none"))
    assert result["failed"] and "No such file" in result["msg"] and not result["changed"]


def test_sample_is_read_until_it_is_there(run: t.Any) -> None:
    none, there = '{"data": {"result": []}}', '{"data": {"result": [{"metric": {"instance": "b:9100"}}]}}'
    result = run(Pages(query=[none, none, there]), "sample_read", source="b", elapsed=2.0)
    finding = result["findings"][0]
    assert not result["failed"] and not result["changed"]
    assert finding["seconds"] == 3.0 and "b:9100" in finding["detail"]


def test_sample_that_does_not_come_tells_what_its_target_says(run: t.Any) -> None:
    target = {
        "labels": {"job": "node_exporter", "instance": "b:9100", "host": "b"},
        "health": "down",
        "lastError": "no route",
    }
    targets = json.dumps({"data": {"activeTargets": [target]}})
    result = run(Pages(query=['{"data": {"result": []}}'], targets=[targets]), "sample_read", source="b")
    assert result["failed"] and "not there after 3 s; target b:9100 is down: no route" in result["msg"]


def test_sample_is_removed_once(run: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "obs_smoke_test.prom").write_text("x")
    first = run(Pages(), "sample_remove", textfile_dir=str(tmp_path))
    again = run(Pages(), "sample_remove", textfile_dir=str(tmp_path))
    assert (first["changed"], again["changed"]) == (True, False)
    assert not list(tmp_path.iterdir())


def test_line_is_written_to_the_journal(run: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(smoke_test, "journal", said.append)
    result = run(Pages(), "log_write", component="promtail")
    assert said == [f"Line of the smoke test of obs.stack, number {ID}."]
    assert result["changed"] and result["findings"][0]["target"] == "promtail"


def test_line_is_looked_for_until_loki_has_it(run: t.Any) -> None:
    none, one, two = (json.dumps({"data": {"result": [{"values": [["1", "x"]] * number}]}}) for number in range(3))
    result = run(Pages(query_range=[none, one]), "log_read", source="b", elapsed=1.0)
    assert not result["failed"] and not result["changed"]
    assert (result["findings"][0]["detail"], result["findings"][0]["seconds"]) == ("found, from b", 1.5)
    twice = run(Pages(query_range=[two]), "log_read", source="b")
    assert "2 times: more than one agent" in twice["findings"][0]["detail"]
    lost = run(Pages(query_range=[none]), "log_read", source="b")
    assert lost["failed"] and "Could not find the line of b in Loki: not there after 3 s" in lost["msg"]


class Tempo(Pages):
    """Answers with a status each time, and keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)
        self.asked: list[tuple[str, str, bytes | None]] = []

    def request(self, method: str, path: str, *, json: bytes | None = None) -> tuple[int, bytes]:
        self.asked.append((method, path, json))
        return (self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]), b"{}"


def test_trace_is_sent_and_looked_for_under_one_id(run: t.Any) -> None:
    gateway, tempo = Tempo(200), Tempo(404, 404, 200)
    sent = run(gateway, "trace_write", source="b", prefix="")
    read = run(tempo, "trace_read", source="b", prefix="/t")
    ((method, path, body),) = gateway.asked
    span = json.loads(body or b"")["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (method, path) == ("POST", "/v1/traces") and sent["changed"] and not read["changed"]
    assert tempo.asked[-1][:2] == ("GET", "/t/api/traces/" + span["traceId"]) and len(tempo.asked) == 3
    assert span["traceId"] in sent["findings"][0]["detail"]


def test_trace_that_does_not_come_or_is_refused_is_told(run: t.Any) -> None:
    lost = run(Tempo(404), "trace_read", source="b")
    assert lost["failed"] and "Could not find the trace of b in Tempo: not there after 3 s" in lost["msg"]
    assert "HTTP 500" in run(Tempo(500), "trace_read", source="b")["msg"]
    assert "HTTP 401" in run(Tempo(401), "trace_write", source="b")["msg"]


def test_sample_is_read_through_thanos_too(run: t.Any) -> None:
    none = '{"data": {"result": []}}'
    lost = run(Pages(query=[none]), "sample_read", source="b", component="thanos-query")
    assert "Could not find the sample of b in thanos-query" in lost["msg"] and "obs.stack.verify" in lost["msg"]
    assert lost["findings"][0]["target"] == "thanos-query"


@pytest.mark.parametrize("step", [step.name for step in smoke_test._smoke.STEPS])
def test_check_mode_sends_nothing(
    run: t.Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, step: str
) -> None:
    service = Alertmanager()
    monkeypatch.setattr(smoke_test, "journal", lambda _line: pytest.fail("it wrote a line"))
    result = run(service, step, textfile_dir=str(tmp_path), check_mode=True)
    assert not service.calls and not list(tmp_path.iterdir())
    assert result["findings"][0]["state"] == "skipped"
    assert result["changed"] == (not step.endswith("_read"))
