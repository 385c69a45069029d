# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The components of Thanos on a host: their order, what each gets, what is refused before any is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._thanos_services import services

FOLDER = {"type": "FILESYSTEM", "config": {"directory": "/var/lib/thanos/bucket"}}


def wiring(port: int, **changes: Any) -> dict[str, Any]:
    return {
        "description": "A component",
        "after": [],
        "bucket": False,
        "listen_address": f"127.0.0.1:{port}",
        "memory_max": "",
        "flags": {},
        "own_flags": {},
        "files": [],
        "secrets": [],
        "live": [],
        "writable": [],
        "checks": [],
        "reload": None,
        **changes,
    }


WIRINGS = {
    "sidecar": wiring(1, bucket=True, user="prometheus", grpc_address="127.0.0.1:2", writable=["/var/lib/prometheus"]),
    "query": wiring(3, own_flags={"query.timeout": "1m"}, settle=[{"path": "/x", "equals": "1"}]),
    "store": wiring(5, bucket=True, data_dir="/var/lib/thanos/store", ready_timeout=1800, stop_timeout=600),
    "compact": wiring(7, bucket=True, data_dir="/var/lib/thanos/compact", hosts=["a"]),
}


def common(**changes: Any) -> dict[str, Any]:
    return {
        "release": {"version": "0.42.4"},
        "protection": {"tls": {}, "web_config": {}, "username": "", "password": "", "server_name": ""},
        "open_components": [],
        "grpc_tls": {},
        "objstore": FOLDER,
        "account": {"user": "thanos", "group": "thanos", "groups": []},
        "otlp_address": "",
        "environment": {},
        "files": [{"path": "a.yml", "data": {}}, {"path": "b.yml", "data": {}, "components": ["store"]}],
        "secrets": [],
        "sandbox": {},
        "limits": {},
        "stop_timeout": 90,
        "lifecycle": {"state": "started", "ready_timeout": 300, "root": "/opt/obs"},
        **changes,
    }


def by_name(wanted: list[str], *, leaving: Any = (), wirings: Any = None, **changes: Any) -> dict[str, dict[str, Any]]:
    found = services(wanted, leaving=leaving, wirings=wirings or WIRINGS, common=common(**changes))
    return {one["name"]: one for one in found}


def test_who_leaves_goes_first_and_who_is_asked_comes_before_who_asks() -> None:
    found = by_name(["query", "sidecar", "store"], leaving=["compact", "store"])
    assert list(found) == ["thanos-compact", "thanos-store", "thanos-sidecar", "thanos-query"]
    assert [one["state"] for one in found.values()] == ["absent", "started", "started", "started"]
    assert "command" not in found["thanos-compact"]
    assert found["thanos-compact"]["data"]["path"] == "/var/lib/thanos/compact"


def test_only_what_is_named_is_read() -> None:
    assert list(by_name(["query"], wirings={"query": WIRINGS["query"]})) == ["thanos-query"]


def test_own_values_win_over_common_ones() -> None:
    found = by_name(["sidecar", "query", "store"])
    assert [one["ready_timeout"] for one in found.values()] == [1800, 300, 300]
    assert [one["unit"]["stop_timeout"] for one in found.values()] == [600, 90, 90]
    assert [one["account"]["user"] for one in found.values()] == ["thanos", "prometheus", "thanos"]
    assert "--query.timeout=1m" in found["thanos-query"]["command"]
    assert found["thanos-query"]["settle"] == [{"path": "/x", "equals": "1"}]
    assert [[item["path"] for item in one["files"]] for one in found.values()] == [
        ["objstore.yml", "a.yml", "b.yml"],
        ["objstore.yml", "a.yml"],
        ["a.yml"],
    ]


def test_a_bucket_that_is_a_folder_is_made_and_may_be_written_to() -> None:
    found = by_name(["query", "store"])
    sandbox = found["thanos-store"]["unit"]["sandbox"]
    assert sandbox["ReadWritePaths"] == "/var/lib/thanos/store -/var/lib/thanos/bucket"
    assert "install -d -o root -g thanos -m 0770 /var/lib/thanos/bucket" in sandbox["ExecStartPre"]
    assert found["thanos-query"]["unit"]["sandbox"] == {"ReadWritePaths": None}


def test_a_part_of_their_spans_goes_where_it_is_told() -> None:
    (flag,) = [
        word
        for word in by_name(["query"], otlp_address="127.0.0.1:4317")["thanos-query"]["command"]
        if "tracing" in word
    ]
    config = json.loads(flag.replace("--tracing.config=", ""))["config"]
    assert (config["endpoint"], config["service_name"]) == ("127.0.0.1:4317", "thanos-query")
    assert not [word for word in by_name(["query"])["thanos-query"]["command"] if "tracing" in word]


def test_the_checker_is_asked_with_all_the_arguments() -> None:
    one = by_name(["query"])["thanos-query"]
    assert one["checks"] == [{"name": "thanos query", "argv": [*one["command"], "--version"]}]
    assert one["probe"] == {"scheme": "http", "address": "127.0.0.1", "port": 3, "path": "/-/ready"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"objstore": {}}, "thanos-store without object storage"),
        ({"grpc_tls": {"certificate": "x"}}, "thanos_grpc_tls"),
        ({"wirings": {**WIRINGS, "compact": {**WIRINGS["compact"], "hosts": ["a", "b"]}}}, "compactor on a and b"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict, word: str) -> None:
    with pytest.raises(StackError, match=word):
        by_name(["store", "compact", "query"] if "wirings" in changes else ["store"], **changes)


def test_what_leaves_is_not_refused() -> None:
    two = {**WIRINGS, "compact": {**WIRINGS["compact"], "hosts": ["a", "b"]}}
    assert list(by_name([], leaving=["compact", "store"], wirings=two, objstore={})) == [
        "thanos-compact",
        "thanos-store",
    ]
    gone = by_name(["store"], objstore={}, lifecycle={"state": "absent"})
    assert gone["thanos-store"]["state"] == "absent"
