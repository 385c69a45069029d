# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles found out on the controller, told for all hosts at once."""

from __future__ import annotations

from typing import Any

from ansible_collections.obs.stack.plugins.filter.verdicts import (
    host_services,
    validation_report,
    wanted_releases,
)


def judged(**more: Any) -> dict[str, Any]:
    return {"changed": False, "version": "1.0.0", "validated": True, "not_judged": [], **more}


def test_services_of_a_host_by_groups_and_tags() -> None:
    groups = {"monitored": ["a", "b"], "prometheus": ["a"], "other": ["c"], "loki": ["a"], "thanos_query": ["a"]}
    hostvars: dict[str, dict[str, Any]] = {"a": {}, "b": {"obs_site": "elsewhere"}, "c": {}}
    assert host_services(groups, hostvars, "a") == ["prometheus", "node_exporter", "thanos", "loki", "otelcol-agent"]
    assert host_services(groups, hostvars, "a", ["prometheus", "alertmanager"]) == ["prometheus"]
    assert host_services(groups, hostvars, "b") == ["node_exporter"]
    assert host_services(groups, hostvars, "a", ["all"], ["prometheus", "thanos", "loki"]) == [
        "node_exporter",
        "otelcol-agent",
    ]
    assert host_services(groups, hostvars, "c") == []


def test_objectives_are_judged_where_they_are_evaluated() -> None:
    groups = {"prometheus": ["a"], "thanos_rule": ["b"]}
    hostvars: dict[str, dict[str, object]] = {"a": {}, "b": {}}
    assert host_services(groups, hostvars, "a", slos=True)[-1] == "slo"
    assert "slo" not in [*host_services(groups, hostvars, "a"), *host_services(groups, hostvars, "b", slos=True)]
    assert host_services(groups, hostvars, "a", ["slo"], slos=True) == ["slo"]
    assert "slo" not in host_services(groups, hostvars, "a", ["all"], ["slo"], slos=True)
    hostvars = {"a": {"obs_slo_evaluator": "thanos-rule"}, "b": {"obs_slo_evaluator": "thanos-rule"}}
    assert "slo" not in host_services(groups, hostvars, "a", slos=True)
    assert host_services(groups, hostvars, "b", slos=True)[-1] == "slo"


def noted(hostvars: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Variables of hosts with what roles returned where the playbook notes it."""
    return {
        host: {
            **{key: value for key, value in found.items() if key.startswith("__")},
            "__results": {key: value for key, value in found.items() if not key.startswith("__")},
        }
        for host, found in hostvars.items()
    }


def test_every_host_and_every_cause_is_told() -> None:
    hostvars = {
        "b": {
            "__problems": ["the sites\ndo not match"],
            "prometheus": judged(not_judged=["/a", "/b"]),
            "node_exporter": judged(validated=False, not_validated_because="no archive"),
        },
        "a": {
            "__refusals": {"prometheus": "Task failed: Action failed: Could not validate x of a: no.\nCorrect y."},
            "prometheus": {"failed": True},
            "alertmanager": judged(),
            "node_exporter": judged(),
        },
        "c": {"__refusals": {"alertmanager": "Task failed: 'vault_x' is undefined"}},
    }
    report = validation_report(noted(hostvars), ["a", "b", "c"])
    assert [line.split()[:4] for line in report["table"][1:]] == [
        ["a", "prometheus", "-", "REFUSED"],
        ["a", "alertmanager", "1.0.0", "ok"],
        ["a", "node_exporter", "1.0.0", "ok"],
        ["b", "prometheus", "1.0.0", "ok"],
        ["b", "node_exporter", "1.0.0", "not"],
        ["c", "alertmanager", "-", "REFUSED"],
    ]
    assert "2 files only the host has" in report["table"][4]
    assert report["wrong"] == [
        "the sites do not match",
        "Could not validate x of a: no. Correct y.",
        "c alertmanager: 'vault_x' is undefined",
    ]
    assert report["unjudged"] == ["Could not judge node_exporter of b: no archive"]


def test_releases_are_wanted_once() -> None:
    one, two = {"version": "1", "url": "u"}, {"version": "2", "url": "u"}
    hostvars = {
        "a": {"prometheus": {"release": one}, "node_exporter": {"release": {}}},
        "b": {"prometheus": {"release": dict(one)}},
        "c": {"prometheus": {"results": [{"service": "x", "release": two}, {"service": "y", "release": one}]}},
        "d": {"__refusals": {"prometheus": "no"}},
    }
    wanted = wanted_releases(noted(hostvars), ["a", "b", "c", "d"])
    assert wanted["releases"] == [
        {"service": "prometheus", **one},
        {"service": "x", **two},
        {"service": "y", **one},
    ]
    assert wanted["wrong"] == ["d prometheus: no"]


def test_additions_are_wanted_as_releases_of_their_own() -> None:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    addition = {"path": "plugins/p", "url": "https://x/p-{arch}", "sha256": {"arm64": "b", "any": "a"}, "members": []}
    release = {"version": "1", "url": "u", "checksums_url": "s", "sha256": {}, "arch_names": names}
    hostvars = {"a": {"prometheus": {"service": "prometheus", "release": {**release, "additions": [addition]}}}}
    first, second = wanted_releases(noted(hostvars), ["a"])["releases"]
    assert first == {"service": "prometheus", **release}
    assert (second["url"], second["sha256"]) == ("https://x/p-{arch}", {"amd64": "a", "arm64": "b"})
    assert second["service"] == "prometheus" and second["checksums_url"] == ""
