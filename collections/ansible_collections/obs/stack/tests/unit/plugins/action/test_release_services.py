# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several services in one task: one round trip for all, another one for each archive, an end at the first failure."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.action import release_services as action
from ansible_collections.obs.stack.plugins.plugin_utils import _release_action

ARCHIVE = b"an archive"
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()
NOTHING = {"changed": False, "action": "none", "diff": []}


class Plugin(action.ActionModule):
    """The action with the host replaced by prepared answers: per call, what comes of the services asked about."""

    def __init__(self, args: dict[str, Any], answers: list[Any]) -> None:
        self._task = SimpleNamespace(args=args, check_mode=False)
        shell = SimpleNamespace(tmpdir="/tmp/remote", join_path=lambda *parts: "/".join(parts))
        self._connection = SimpleNamespace(_shell=shell)
        self.answers, self.sent, self.transferred = answers, [], []

    def _execute_module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        payloads = json.loads(base64.b64decode(module_args["payload"]))
        assert module_args["name"] == ", ".join(payload["name"] for payload in payloads)
        self.sent.append(payloads)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, dict) else {"results": answer, "warnings": ["of the host"]}

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        self.transferred.append(remote_path)

    def _fixup_perms2(self, paths: Any) -> None:
        pass

    def _remove_tmp_path(self, path: Any) -> None:
        self.removed = path


@pytest.fixture(autouse=True)
def base_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_release_action.ActionBase, "run", lambda *_arguments, **_options: {})


def services(tmp_path: Path, *names: str, **changes: Any) -> dict[str, Any]:
    (tmp_path / "x-1.2.3.linux-arm64.tar.gz").write_bytes(ARCHIVE)
    release = {
        "version": "1.2.3",
        "url": f"file://{tmp_path}/x-{{version}}.linux-{{arch}}.tar.gz",
        "sha256": {"arm64": DIGEST},
        "binaries": {"xd": "xd"},
    }
    one = {
        "release": release,
        "account": {"user": "u", "group": "g"},
        "command": ["xd"],
        "fetch": {"cache_dir": str(tmp_path / "cache")},
        **changes,
    }
    return {"services": [{"name": name, **one} for name in names]}


def need(tmp_path: Path, digest: str = DIGEST) -> dict[str, Any]:
    url = f"file://{tmp_path}/x-1.2.3.linux-arm64.tar.gz"
    return {"changed": True, "need_release": {"arch": "arm64", "url": url, "sha256": digest, "checksums_url": ""}}


def names(payloads: list[dict[str, Any]]) -> list[str]:
    return [payload["name"] for payload in payloads]


def test_nothing_to_do_is_one_round_trip_for_all(tmp_path: Path) -> None:
    plugin = Plugin(services(tmp_path, "a", "b", "c"), [[dict(NOTHING) for _name in "abc"]])
    result = plugin.run()
    assert [names(payloads) for payloads in plugin.sent] == [["a", "b", "c"]]
    assert result["changed"] is False and "failed" not in result and result["warnings"] == ["of the host"]
    assert [(one["service"], one["action"]) for one in result["results"]] == [
        ("a", "none"),
        ("b", "none"),
        ("c", "none"),
    ]


def test_each_archive_is_a_round_trip_and_those_done_are_not_asked_again(tmp_path: Path) -> None:
    done = {"changed": True, "action": "install", "diff": [{"before": "", "after": "x"}]}
    plugin = Plugin(
        services(tmp_path, "a", "b", "c"),
        [[dict(NOTHING), need(tmp_path)], [dict(done), need(tmp_path)], [dict(done)]],
    )
    result = plugin.run()
    assert [names(payloads) for payloads in plugin.sent] == [["a", "b", "c"], ["b", "c"], ["c"]]
    assert "archive" not in plugin.sent[0][1] and plugin.sent[1][0]["archive"] == plugin.transferred[0]
    assert "archive" not in plugin.sent[1][1] and plugin.sent[2][0]["archive"] == plugin.transferred[1]
    assert [one["changed"] for one in result["results"]] == [False, True, True] and result["changed"]
    assert len(result["diff"]) == 2 and result["warnings"] == ["of the host"] and plugin.removed == "/tmp/remote"


def test_the_first_failure_is_the_end_and_says_what_was_done_before(tmp_path: Path) -> None:
    failed = {"failed": True, "msg": "Could not upgrade b", "step": "probe"}
    plugin = Plugin(services(tmp_path, "a", "b", "c"), [[{"changed": True, "action": "upgrade"}, failed]])
    result = plugin.run()
    assert result["failed"] and result["changed"] and result["msg"] == "Could not upgrade b"
    assert (result["service"], result["step"]) == ("b", "probe")
    assert [one["service"] for one in result["results"]] == ["a", "b"] and len(plugin.sent) == 1


def test_an_archive_that_cannot_be_had_is_the_failure_of_its_service(tmp_path: Path) -> None:
    plugin = Plugin(services(tmp_path, "a", "b"), [[{"changed": True}, need(tmp_path, "0" * 64)]])
    result = plugin.run()
    assert result["failed"] and result["changed"] and result["service"] == "b" and DIGEST in result["msg"]
    assert len(plugin.sent) == 1 and not plugin.transferred


def test_a_module_that_breaks_is_a_failure(tmp_path: Path) -> None:
    plugin = Plugin(services(tmp_path, "a", "b"), [{"failed": True, "msg": "MODULE FAILURE"}])
    result = plugin.run()
    assert result["failed"] and result["msg"] == "MODULE FAILURE"


@pytest.mark.parametrize(
    ("changes", "word"), [({"command": ["yd"]}, "'yd'"), ({"prob": {}}, "prob"), ({"mode": "mirror"}, "mode")]
)
def test_wrong_input_of_one_reaches_no_host(changes: dict, word: str, tmp_path: Path) -> None:
    args = services(tmp_path, "a", "b")
    args["services"][1].update(changes)
    plugin = Plugin(args, [])
    result = plugin.run()
    assert result["failed"] and word in result["msg"] and result["step"] == "input" and not plugin.sent


def test_options_of_its_own_are_checked(tmp_path: Path) -> None:
    for args in ({}, {"services": [], "serial": 1}, {**services(tmp_path, "a"), "mode": "guess"}):
        result = Plugin(args, []).run()
        assert result["failed"] and "obs.stack.release_services" in result["msg"]


def test_no_host_is_asked_in_modes_of_the_controller(tmp_path: Path) -> None:
    plugin = Plugin({**services(tmp_path, "a", "b"), "mode": "mirror"}, [])
    plugin._connection = None
    result = plugin.run(task_vars={"inventory_hostname": "h"})
    assert result["changed"] is False and [one["version"] for one in result["results"]] == ["1.2.3", "1.2.3"]
    assert [one["release"]["sha256"] for one in result["results"]] == [{"arm64": DIGEST}] * 2
