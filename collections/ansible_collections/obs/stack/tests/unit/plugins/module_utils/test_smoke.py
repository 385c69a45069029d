# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_smoke and the filters over it: who writes, who reads, what is told."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.filter import smoke
from ansible_collections.obs.stack.plugins.module_utils import _smoke, _smoke_signals
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

GROUPS = {"prometheus": ["a"], "alertmanager": ["a"], "monitored": ["a", "b", "c"], "all": ["a", "b", "c"]}
HOSTS = ["a", "b", "c"]
SITE: dict[str, dict[str, t.Any]] = {host: {"obs_site": "main"} for host in HOSTS}


def finding(check: str, target: str, state: str, detail: str = "x") -> dict[str, t.Any]:
    return {"check": check, "target": target, "state": state, "detail": detail, "seconds": 1.0}


def ran(phase: str, *findings: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a loop over the module registers."""
    return {"smoke_test_" + phase: {"results": [{"findings": [item]} for item in findings]}}


def names(host: str, phase: str, hostvars: t.Any = None, hosts: t.Any = None, wanted: str = "") -> list[str]:
    steps = smoke.smoke_steps(GROUPS, hostvars or SITE, host, hosts or HOSTS, phase, wanted)
    return [step["step"] for step in steps]


@pytest.mark.parametrize(
    ("monitored", "watchers", "wanted", "expected"),
    [
        (["b", "a"], ["c"], "", "a"),
        (["a", "b"], ["a"], "", "b"),
        (["a"], ["a"], "", "a"),
        (["a", "b"], ["a"], "a", "a"),
        (["a", "b"], ["a"], "of-another-site", "b"),
        ([], ["a"], "", ""),
        (["b"], [], "", ""),
    ],
)
def test_a_host_without_prometheus_writes(
    monitored: list[str], watchers: list[str], wanted: str, expected: str
) -> None:
    assert _smoke.writer(monitored, watchers, wanted) == expected


def test_one_host_of_the_site_writes_and_removes() -> None:
    assert [(host, names(host, "write")) for host in HOSTS] == [("a", []), ("b", ["sample_write"]), ("c", [])]
    assert [(host, names(host, "remove")) for host in HOSTS] == [("a", []), ("b", ["sample_remove"]), ("c", [])]
    assert names("c", "write", wanted="c") == ["sample_write"]
    assert names("c", "write", hosts=["a", "c"]) == ["sample_write"]


def test_each_site_has_a_writer_of_its_own() -> None:
    groups = {"prometheus": ["a", "d"], "monitored": ["b", "e"]}
    hostvars: t.Any = {host: {"obs_site": "one" if host in "ab" else "two"} for host in "abde"}
    written = [h for h in "abde" if smoke.smoke_steps(groups, hostvars, h, list("abde"), "write", "e")]
    assert written == ["b", "e"]


def test_a_writer_nobody_knows_is_refused() -> None:
    with pytest.raises(StackError, match="Could not write a sample on 'z'"):
        names("a", "write", wanted="z")


def test_prometheus_reads_only_what_was_written() -> None:
    assert names("a", "read") == ["alert"]
    wrote = {**SITE, "b": {**SITE["b"], **ran("write", finding("sample", "node_exporter", "ok"))}}
    assert names("a", "read", wrote) == ["sample_read", "alert"]
    failed = {**SITE, "b": {**SITE["b"], **ran("write", finding("sample", "node_exporter", "WRONG"))}}
    assert names("a", "read", failed) == ["alert"]


def test_a_step_says_how_its_component_is_asked_and_no_password() -> None:
    hostvars: t.Any = {
        **SITE,
        "a": {
            "obs_site": "main",
            "alertmanager_listen_address": "127.0.0.1:19093",
            "alertmanager_external_url": "http://x/am",
            "alertmanager_basic_auth_username": "metrics",
            "alertmanager_basic_auth_password": "canary-1",
        },
    }
    step = smoke.smoke_steps(GROUPS, hostvars, "a", HOSTS, "read")[0]
    assert (step["port"], step["prefix"], step["username"], step["source"]) == (19093, "/am", "metrics", "b")
    assert "canary-1" not in str(step)


def test_report_tells_every_step() -> None:
    hostvars: t.Any = {
        "a": {
            **SITE["a"],
            **ran("read", finding("sample", "prometheus", "ok"), finding("alert", "alertmanager", "WRONG")),
        },
        "b": {
            **SITE["b"],
            **ran("write", finding("sample", "node_exporter", "ok")),
            **ran("remove", finding("sample", "node_exporter", "ok", "removed")),
        },
        "c": {**SITE["c"], "smoke_test_write": {"results": [], "skipped": True}},
    }
    report = smoke.smoke_report(GROUPS, hostvars, HOSTS)
    assert report["wrong"] == ["a alert alertmanager: x"]
    assert [line.split()[:4] for line in report["table"][1:]] == [
        ["a", "sample", "prometheus", "ok"],
        ["a", "alert", "alertmanager", "WRONG"],
        ["b", "sample", "node_exporter", "ok"],
        ["b", "sample", "node_exporter", "ok"],
    ]


def test_report_tells_why_nobody_looked_for_the_sample() -> None:
    lost = {"smoke_test_write": {"results": [{"unreachable": True, "msg": "ssh: no route\nmore"}]}}
    hostvars = {
        **SITE,
        "b": {**SITE["b"], **lost},
        "a": {**SITE["a"], **ran("read", finding("alert", "alertmanager", "ok"))},
    }
    report = smoke.smoke_report(GROUPS, hostvars, HOSTS)
    assert report["wrong"] == []
    assert any(line.startswith("b ") and "could not be reached: more" in line for line in report["table"])
    assert any("b did not write it" in line and "skipped" in line for line in report["table"])
    strict = smoke.smoke_report(GROUPS, hostvars, HOSTS, "", True)
    assert "a sample prometheus: b did not write it" in strict["wrong"]


def test_report_without_a_reader_is_no_success() -> None:
    report = smoke.smoke_report(GROUPS, {**{host: {} for host in "acd"}, "b": SITE["b"]}, ["b"])
    assert report["wrong"] == ["Could not test anything: no Prometheus and no Alertmanager takes part."]


WHOLE = ("node_exporter", "prometheus", "thanos-query", "otelcol-agent", "promtail", "otelcol", "loki", "tempo")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., None]:
    """Puts services onto hosts, each service in a group of its own name."""

    def put(**services: list[str]) -> None:
        def derived(_groups: t.Any, _hostvars: t.Any, host: str) -> dict[str, t.Any]:
            ends = [{"component": name, "port": 1, "expected": {}} for name in WHOLE if name in services[host]]
            return {"health": ends}

        def runs(component: t.Any, host: str, _groups: t.Any, _hostvars: t.Any) -> bool:
            return component.name in services[host]

        monkeypatch.setattr(smoke._estate, "derive", derived)
        monkeypatch.setattr(smoke._estate_endpoints, "runs", runs)
        monkeypatch.setattr(smoke._expected, "complete", lambda health, _ways: health)
        GROUPS_OF.clear()
        GROUPS_OF.update({name: [host for host in services if name in services[host]] for name in WHOLE})
        GROUPS_OF["monitored"] = list(services)

    return put


GROUPS_OF: dict[str, list[str]] = {}


def steps_of(host: str, phase: str, hostvars: t.Any = None) -> list[tuple[str, str, str]]:
    """Step, component and source of a host's steps."""
    everyone = {name: {"ansible_host": f"{name}.example"} for name in GROUPS_OF["monitored"]}
    given = {name: {**everyone[name], **((hostvars or {}).get(name) or {})} for name in everyone}
    steps = smoke.smoke_steps(GROUPS_OF, given, host, list(given), phase)
    return [(step["step"], step["component"], step["source"]) for step in steps]


def test_a_line_and_a_trace_go_there_and_back(stack: t.Any) -> None:
    stack(
        a=["node_exporter", "otelcol-agent", "prometheus", "thanos-query", "loki", "tempo"],
        b=["node_exporter", "otelcol-agent", "promtail", "otelcol"],
        c=["node_exporter", "otelcol-agent", "otelcol"],
    )
    assert steps_of("a", "write") == []
    # Both agents of a host read the journal; one line is enough.
    assert steps_of("b", "write") == [
        ("sample_write", "node_exporter", "b"),
        ("log_write", "otelcol-agent", "b"),
        ("trace_write", "otelcol", "b"),
    ]
    assert steps_of("c", "write") == [("trace_write", "otelcol", "c")]
    wrote = {
        "b": ran("write", finding("sample", "x", "ok"), finding("log", "x", "ok"), finding("trace", "x", "ok")),
        "c": ran("write", finding("trace", "x", "ok")),
    }
    assert steps_of("a", "read", wrote) == [
        ("sample_read", "prometheus", "b"),
        ("sample_read", "thanos-query", "b"),
        ("log_read", "loki", "b"),
        ("trace_read", "tempo", "b"),
        ("trace_read", "tempo", "c"),
    ]
    failed = {**wrote, "c": ran("write", finding("trace", "x", "WRONG"))}
    assert ("trace_read", "tempo", "c") not in steps_of("a", "read", failed)
    assert steps_of("b", "remove", wrote) == [("sample_remove", "node_exporter", "b")]


def test_what_a_site_lacks_is_skipped_with_a_reason(stack: t.Any) -> None:
    stack(a=["node_exporter", "prometheus", "loki", "tempo"], b=["otelcol-agent"])
    everyone = {name: {} for name in "ab"}

    def told(**more: t.Any) -> list[str]:
        report = smoke.smoke_report(
            GROUPS_OF, {name: {**everyone[name], **more.get(name, {})} for name in "ab"}, ["a", "b"]
        )
        return [" ".join(line.split()) for line in report["table"][1:]]

    assert "a trace tempo skipped no host of the site with otelcol takes part" in told()
    assert "a log loki skipped b did not write it" in told()
    stack(a=["node_exporter", "prometheus"], b=["otelcol-agent", "otelcol"])
    assert told()[-2:] == [
        "b log otelcol-agent skipped no Loki of the site takes part",
        "b trace otelcol skipped no Tempo of the site takes part",
    ]
    assert steps_of("b", "write") == []


OTLP = {
    "otelcol_otlp_http_listen_address": "0.0.0.0:5318",
    "otelcol_tls": {"certificate": "x", "client_ca": "-----BEGIN CERTIFICATE-----"},
    "otelcol_tokens": ["canary-token"],
}


def sent(*hosts: str, **variables: t.Any) -> dict[str, t.Any]:
    """How host a sends its trace."""
    groups = {"otelcol": ["a"], "tempo": ["a"], "monitored": list(hosts)}
    hostvars = {host: {"obs_address": "10.0.0.1", **variables} for host in hosts}
    steps = smoke.smoke_steps(groups, hostvars, "a", list(hosts), "write")
    return next(step for step in steps if step["step"] == "trace_write")


def test_the_trace_is_sent_where_others_send_theirs(tmp_path: pathlib.Path) -> None:
    step = sent("a", "b", **OTLP)
    assert (step["address"], step["port"], step["scheme"]) == ("10.0.0.1", 5318, "https")
    assert step["client_cert"] == "/etc/otelcol/tls/server.crt" and step["ca"].startswith("-----BEGIN")
    assert "canary-token" not in str(step)
    plain = sent("a")
    assert (plain["address"], plain["port"], plain["scheme"], plain["ca"]) == ("127.0.0.1", 4318, "http", "")
    (tmp_path / "ca.pem").write_text("-----BEGIN of a file")
    tls = {"certificate": "x", "ca": str(tmp_path / "ca.pem")}
    assert sent("a", "b", obs_tls=tls)["ca"] == "-----BEGIN of a file"
    with pytest.raises(StackError, match="Could not read the CA /nowhere"):
        sent("a", "b", obs_tls={**tls, "ca": "/nowhere"})


def test_the_user_of_the_gateway_is_used_where_the_collector_knows_it() -> None:
    client = {"obs_gateway_client": {"username": "u", "password": "canary-1"}}
    assert sent("a", **client)["username"] == ""
    step = sent("a", **client, otelcol_users={"u": "$2b$x"})
    assert step["username"] == "u" and "canary-1" not in str(step)


def test_the_line_is_found_by_its_number_alone() -> None:
    assert "number+77.%60" in _smoke_signals.log_path(77) and "since=1h" in _smoke_signals.log_path(77)
    assert _smoke_signals.lines({"data": {"result": [{"values": [[1, "x"]]}, {"values": [[1, "x"], [2, "y"]]}]}}) == 3


def test_a_trace_is_of_one_run_and_one_host_and_kept_by_sampling() -> None:
    ids = {_smoke_signals.trace_id(value, host) for value in (1, 2) for host in ("a", "b")}
    assert len(ids) == 4 and all(len(one) == 32 and int(one, 16) for one in ids)
    span = _smoke_signals.trace(1, "a", 1000.5)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["traceId"] == _smoke_signals.trace_id(1, "a") and len(span["spanId"]) == 16
    assert span["endTimeUnixNano"] == "1000500000000" > span["startTimeUnixNano"]
    assert span["status"]["code"] == 2, "policies for errors keep it"


def test_the_text_file_is_one_gauge() -> None:
    lines = _smoke.textfile(431882190123).splitlines()
    assert lines[-1] == "obs_smoke_test 431882190123"
    assert [line.split()[:3] for line in lines[:2]] == [
        ["#", "HELP", "obs_smoke_test"],
        ["#", "TYPE", "obs_smoke_test"],
    ]


def test_the_silence_outlives_the_alert_and_matches_nothing_else() -> None:
    silence = _smoke.silence(7, 1000.0, 60.0)
    alert = _smoke.alert(7, 1000.0, 1060.0)[0]
    assert alert["endsAt"] == "1970-01-01T00:17:40.000Z" < silence["endsAt"]
    wanted = {matcher["name"]: matcher["value"] for matcher in silence["matchers"]}
    assert wanted == {"alertname": alert["labels"]["alertname"], "smoke_id": "7"}
    assert all(matcher["isEqual"] and not matcher["isRegex"] for matcher in silence["matchers"])


def test_held_back_means_by_our_own_silence() -> None:
    def status(state: str, *silences: str) -> list[dict[str, t.Any]]:
        return [{"status": {"state": state, "silencedBy": list(silences), "inhibitedBy": []}}]

    assert _smoke.suppressed(status("suppressed", "ours"), "ours")
    assert not _smoke.suppressed(status("suppressed", "theirs"), "ours")
    assert not _smoke.suppressed(status("active"), "ours")
    assert not _smoke.suppressed([], "ours")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"health": "up", "lastScrape": "12:00"}, "target b:9100 is up, last scraped 12:00"),
        ({"health": "down", "lastError": "refused"}, "target b:9100 is down: refused"),
    ],
)
def test_why_a_sample_does_not_come(target: dict[str, str], expected: str) -> None:
    other = {"labels": {"job": "node_exporter", "instance": "c:9100", "host": "c"}, "health": "up"}
    ours = {"labels": {"job": "node_exporter", "instance": "b:9100", "host": "b"}, **target}
    assert _smoke.why_unseen({"data": {"activeTargets": [other, ours]}}, "b") == expected
    assert "node_exporter of b is none" in _smoke.why_unseen({"data": {"activeTargets": [other]}}, "b")
