# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site that is named is watched by the Prometheus of another one, with what lets it in; what cannot be is named."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _estate, _estate_problems, _estate_sites

Vars = dict[str, dict[str, t.Any]]


def estate(**own: t.Any) -> tuple[dict[str, list[str]], Vars]:
    """Two sites: a pair with a CA and a password, and a host that watches with further variables."""
    far = {
        "obs_site": "far",
        "prometheus_tls": {"certificate": "c", "private_key": "k", "ca": "/pki/far.pem"},
        "prometheus_basic_auth_username": "metrics",
        "prometheus_basic_auth_password": "canary",
    }
    groups = {"prometheus": ["a", "b", "w"], "monitored": ["a", "b", "w"]}
    return groups, {"a": dict(far), "b": {**far, "obs_address": "10.0.0.2"}, "w": {"obs_site": "near", **own}}


def derived(**own: t.Any) -> dict[str, t.Any]:
    """What is derived for the Prometheus that watches."""
    return t.cast("dict[str, t.Any]", _estate.derive(*estate(**own), "w")["prometheus"])


def test_nobody_is_watched_unless_it_is_said() -> None:
    assert [job["job_name"] for job in derived()["scrape_configs"]] == ["prometheus", "node_exporter"]


def test_a_site_is_one_job_with_its_own_access_and_no_samples() -> None:
    found = derived(obs_watched_sites=["far"])
    job = found["scrape_configs"][-1]
    assert job["job_name"] == "site-far"
    assert [target["targets"] for target in job["static_configs"]] == [["a:9090"], ["10.0.0.2:9090"]]
    assert job["static_configs"][1]["labels"] == {
        "instance": "b:9090",
        "site": "far",
        "watched": "site",
        "__scheme__": "https",
    }
    assert job["tls_config"] == {"ca_file": "/etc/prometheus/ca/site-far.pem"}
    assert job["basic_auth"]["password_file"] == "/etc/prometheus/secrets/scrape_site-far_password"
    assert job["metric_relabel_configs"][0]["action"] == "keep"
    assert "canary" not in str(found["scrape_configs"])
    assert [(one["path"], one["content"]) for one in found["secrets"]] == [
        ("secrets/scrape_site-far_password", "canary")
    ]
    assert [one["path"] for one in found["files"]] == ["ca/site-far.pem"]


def test_what_cannot_be_watched_is_told() -> None:
    def told(sites: list[str], **far: t.Any) -> str:
        groups, hostvars = estate(obs_watched_sites=sites)
        for host in ("a", "b"):
            hostvars[host].update(far)
        return "\n".join(_estate_problems.problems(groups, hostvars))

    assert told(["far"]) == ""
    assert "of w names its own site" in told(["near"])
    assert "names eu-9, where no Prometheus is. There are: far, near" in told(["eu-9"])


def test_sites_are_named_once_in_order() -> None:
    assert _estate_sites.watched({"obs_watched_sites": ["z", "b", "z"]}) == ["b", "z"]
    assert _estate_sites.watched({"obs_watched_sites": None}) == []


def test_a_site_of_one_host_must_listen_beyond_it() -> None:
    groups = {"prometheus": ["a", "w"]}
    far = {"obs_site": "far", "prometheus_listen_address": "127.0.0.1:9090"}
    near = {"obs_site": "near", "obs_watched_sites": ["far"]}
    assert _estate_problems.problems(groups, {"a": far, "w": near}) == [
        "obs_watched_sites of w: Prometheus of a listens on loopback. Set prometheus_listen_address."
    ]
