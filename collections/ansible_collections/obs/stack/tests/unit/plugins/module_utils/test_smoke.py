# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_smoke and the filters over it: who writes, who reads, what is told."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.filter import smoke
from ansible_collections.obs.stack.plugins.module_utils import _smoke
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
