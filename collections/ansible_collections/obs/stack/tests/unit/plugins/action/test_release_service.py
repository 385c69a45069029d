# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller half: one round trip when nothing is to do, a second one that carries the archive."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.action import release_service as action
from ansible_collections.obs.stack.plugins.module_utils._delivery import fetch_options
from ansible_collections.obs.stack.plugins.plugin_utils import _release_action

ARCHIVE = b"an archive"
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()


class Plugin(action.ActionModule):
    """The action with the host replaced by prepared answers."""

    def __init__(self, args: dict[str, Any], answers: list[dict[str, Any]], *, check_mode: bool = False) -> None:
        self._task = SimpleNamespace(args=args, check_mode=check_mode)
        shell = SimpleNamespace(tmpdir="/tmp/remote", join_path=lambda *parts: "/".join(parts))
        self._connection = SimpleNamespace(_shell=shell)
        self.answers, self.sent, self.transferred = answers, [], []

    def _execute_module(self, module_name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert module_name == "obs.stack.release_service_apply" and set(module_args) == {"name", "payload"}
        (payload,) = json.loads(base64.b64decode(module_args["payload"]))
        self.sent.append(payload)
        return {"changed": True, "results": [self.answers.pop(0)]}

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        self.transferred.append((Path(local_path).read_bytes(), remote_path))

    def _fixup_perms2(self, paths: Any) -> None:
        pass

    def _remove_tmp_path(self, path: Any) -> None:
        self.removed = path

    def _find(self, source: str) -> str:
        return source


@pytest.fixture(autouse=True)
def base_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_release_action.ActionBase, "run", lambda *_arguments, **_options: {})


def task(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    (tmp_path / "x-1.2.3.linux-arm64.tar.gz").write_bytes(ARCHIVE)
    (tmp_path / "sums").write_text(f"{DIGEST}  x-1.2.3.linux-arm64.tar.gz\n")
    release = {
        "version": "1.2.3",
        "url": f"file://{tmp_path}/x-{{version}}.linux-{{arch}}.tar.gz",
        "sha256": {"arm64": DIGEST},
        "binaries": {"xd": "xd"},
    }
    return {
        "name": "x",
        "release": {**release, **changes.pop("release", {})},
        "account": {"user": "u", "group": "g"},
        "command": ["xd"],
        "fetch": {"cache_dir": str(tmp_path / "cache")},
        **changes,
    }


def need(tmp_path: Path, **changes: str) -> dict[str, Any]:
    wanted = {"arch": "arm64", "url": f"file://{tmp_path}/x-1.2.3.linux-arm64.tar.gz", "sha256": DIGEST}
    return {"changed": True, "need_release": {**wanted, "checksums_url": f"file://{tmp_path}/sums", **changes}}


def test_nothing_to_do_is_one_round_trip(tmp_path: Path) -> None:
    plugin = Plugin(task(tmp_path), [{"changed": False, "invocation": {}}])
    result = plugin.run()
    assert result == {"changed": False, "service": "x", "warnings": []}
    assert len(plugin.sent) == 1 and not plugin.transferred


def test_the_archive_of_the_host_s_architecture_is_carried(tmp_path: Path) -> None:
    plugin = Plugin(task(tmp_path), [need(tmp_path), {"changed": True}])
    result = plugin.run()
    assert result["changed"] and "need_release" not in result and not result["warnings"]
    assert plugin.transferred == [(ARCHIVE, "/tmp/remote/x-1.2.3.linux-arm64.tar.gz")]
    assert plugin.sent[1]["archive"] == plugin.transferred[0][1]
    assert plugin.removed == "/tmp/remote"


def test_additions_are_carried_beside_it(tmp_path: Path) -> None:
    more = tmp_path / "download"
    more.write_bytes(b"more")
    digest = hashlib.sha256(b"more").hexdigest()
    wanted = need(tmp_path)
    wanted["need_release"]["additions"] = [{"url": f"file://{more}", "sha256": digest}]
    plugin = Plugin(task(tmp_path), [wanted, {"changed": True}])
    plugin.run()
    assert plugin.transferred[1] == (b"more", f"/tmp/remote/addition-{digest[:16]}")
    assert plugin.sent[1]["additions"] == {digest: plugin.transferred[1][1]}


def test_a_checksum_from_the_release_itself_is_warned_about(tmp_path: Path) -> None:
    plugin = Plugin(task(tmp_path, release={"sha256": {}}), [need(tmp_path, sha256=""), {"changed": True}])
    result = plugin.run()
    assert "x_release_sha256" in result["warnings"][0]
    assert plugin.sent[1]["release"]["sha256"] == {"arm64": DIGEST}


def test_a_wrong_checksum_carries_nothing(tmp_path: Path) -> None:
    plugin = Plugin(task(tmp_path), [need(tmp_path, sha256="0" * 64)])
    result = plugin.run()
    assert result["failed"] and DIGEST in result["msg"] and not plugin.transferred and len(plugin.sent) == 1


def test_check_mode_fetches_nothing(tmp_path: Path) -> None:
    plugin = Plugin(task(tmp_path), [need(tmp_path)], check_mode=True)
    result = plugin.run()
    assert result["changed"] and not plugin.transferred and not (tmp_path / "cache").exists()


def test_wrong_input_reaches_no_host(tmp_path: Path) -> None:
    for wrong, word in (({"prob": {}}, "prob"), ({"command": ["yd"]}, "'yd'"), ({"state": "up"}, "up")):
        plugin = Plugin(task(tmp_path, **wrong), [])
        result = plugin.run()
        assert result["failed"] and word in result["msg"] and result["step"] == "input"
        assert "docs/troubleshooting.md#input" in result["msg"]


@pytest.mark.parametrize("mode", ["validate", "mirror"])
def test_no_host_is_asked_in_modes_of_the_controller(tmp_path: Path, mode: str) -> None:
    plugin = Plugin(
        task(tmp_path, mode=mode, release={"version": "1.2.4", "checksums_url": f"file://{tmp_path}/none"}), []
    )
    plugin._connection = None
    result = plugin.run(task_vars={"inventory_hostname": "h"})
    assert result["changed"] is False and result["version"] == "1.2.4" and not plugin.sent
    if mode == "mirror":
        assert result["release"]["sha256"] == {"arm64": DIGEST} and not (tmp_path / "cache").exists()
    else:
        assert result["validated"] is False and "file://" in result["not_validated_because"]


class Package:
    """ansible.builtin.package, replaced by prepared answers."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers, self.asked = answers, []

    def get(self, name: str, *, task: Any, **_objects: Any) -> Any:
        assert name == "ansible.builtin.package"
        self.asked.append(task.args)
        return SimpleNamespace(run=lambda task_vars: self.answers.pop(0))


def packaged(tmp_path: Path, answers: list[dict[str, Any]], package: list[dict[str, Any]], **more: Any) -> Any:
    release = {"kind": "distribution", "package": "xd", "binaries": {"xd": "/usr/sbin/xd"}}
    plugin = Plugin(dict(task(tmp_path), release=release), answers, **more)
    plugin._task.copy = SimpleNamespace
    plugin._play_context = plugin._loader = plugin._templar = None
    plugin.package = Package(package)
    plugin._shared_loader_obj = SimpleNamespace(action_loader=plugin.package)
    return plugin


NEEDS_PACKAGE = {"changed": True, "need_release": {"package": "xd"}}


def test_a_missing_package_is_installed_and_the_host_asked_again(tmp_path: Path) -> None:
    plugin = packaged(tmp_path, [dict(NEEDS_PACKAGE), {"changed": False}], [{"changed": True}])
    result = plugin.run()
    assert plugin.package.asked == [{"name": "xd", "state": "present"}]
    assert plugin.sent[1]["packaged"] is True and not plugin.transferred
    assert result["changed"] is True, "the installation is a change, whatever else is"


def test_the_index_is_asked_for_anew_only_where_it_has_to_be(tmp_path: Path) -> None:
    plugin = packaged(tmp_path, [dict(NEEDS_PACKAGE), {"changed": True}], [{"failed": True, "msg": "no xd"}, {}])
    assert not plugin.run().get("failed")
    assert plugin.package.asked[1] == {"name": "xd", "state": "present", "update_cache": True}


def test_a_package_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    plugin = packaged(tmp_path, [dict(NEEDS_PACKAGE)], [{"failed": True, "msg": "no xd"}] * 2)
    result = plugin.run()
    assert result["failed"] and "Could not install package xd for x: no xd" in result["msg"] and len(plugin.sent) == 1


def test_check_mode_installs_no_package(tmp_path: Path) -> None:
    plugin = packaged(tmp_path, [dict(NEEDS_PACKAGE)], [], check_mode=True)
    assert plugin.run()["changed"] and not plugin.package.asked


def test_a_package_is_nothing_to_mirror(tmp_path: Path) -> None:
    plugin = packaged(tmp_path, [], [])
    plugin._task.args["mode"] = "mirror"
    assert plugin.run()["release"] == {}


def test_options_of_the_download() -> None:
    assert fetch_options({"mirror": "m", "headers": {"A": "b"}, "timeout": 5}) == {
        "mirror": "m",
        "proxy": "",
        "ca_path": "",
        "headers": {"A": "b"},
        "timeout": 5.0,
    }
