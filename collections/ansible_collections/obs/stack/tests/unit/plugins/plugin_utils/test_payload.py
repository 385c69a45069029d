# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a task's options to what crosses to the host: everything wrong is told here, with its variable."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wish import Wish
from ansible_collections.obs.stack.plugins.plugin_utils._payload import build, plain
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, REQUIRED_IF
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import to_yaml

TASK: dict[str, Any] = {
    "name": "x",
    "release": {
        "version": "1.2.3",
        "url": "https://h/x-{version}.linux-{arch}.tar.gz",
        "sha256": {"amd64": "A" * 64},
        "binaries": {"xd": "xd"},
    },
    "account": {"user": "u", "group": "g"},
    "command": ["xd", "--port=1"],
    "reload": {"signal": "HUP"},
}


def build_task(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    checked = ArgumentSpecValidator(ARGUMENT_SPEC, required_if=REQUIRED_IF).validate({**TASK, **changes})
    assert not checked.error_messages, checked.error_messages
    return build(checked.validated_parameters, find=lambda source: source)


def content_of(payload: dict[str, Any], path: str) -> bytes:
    return base64.b64decode(next(item for item in payload["files"] if item["path"] == path)["content"])


def test_the_payload_is_what_the_host_half_reads() -> None:
    payload, warnings = build_task(files=[{"path": "a.yml", "data": {"b": 1, "a": [True]}}])
    wish = Wish.from_plain(payload)
    assert wish.release.sha256 == {"amd64": "a" * 64}
    assert wish.command == ("xd", "--port=1") and not warnings
    assert wish.files[0].content == b"b: 1\na:\n- true\n", "order is kept"
    assert wish.files[0].on_change == "reload"


def test_absent_needs_nothing_but_the_name() -> None:
    checked = ArgumentSpecValidator(ARGUMENT_SPEC, required_if=REQUIRED_IF).validate({"name": "x", "state": "absent"})
    assert not checked.error_messages
    payload, _warnings = build(checked.validated_parameters, find=str)
    assert Wish.from_plain(payload).state == "absent"


def test_sources_are_passed_on_byte_for_byte(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    (rules / "deep").mkdir(parents=True)
    text = b"groups:\n- name: '{{ $labels.x }}'   # kept  \n"
    (rules / "a.yml").write_bytes(text)
    (rules / "deep" / "t.tmpl").write_bytes(b'{{ define "x" }}\xff{{ end }}')
    for leftover in (".hidden", "a.yml~", "b.swp", "c.orig"):
        (rules / leftover).write_bytes(b"junk: [")
    payload, _warnings = build_task(files=[{"path": "rules", "src": str(rules)}])
    assert content_of(payload, "rules/a.yml") == text
    assert [item["path"] for item in payload["files"]] == ["rules/a.yml", "rules/deep/t.tmpl"]


def test_a_file_keeps_its_name_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("a: 1\n")
    payload, _warnings = build_task(files=[{"path": "rules/", "src": str(tmp_path / "one.yml")}])
    assert [item["path"] for item in payload["files"]] == ["rules/one.yml"]


def test_secrets_become_masks_and_cannot_be_seen_by_others() -> None:
    payload, _warnings = build_task(secrets=[{"path": "web.yml", "data": {"basic_auth_users": {"u": "$2b$hash"}}}])
    assert "$2b$hash" in payload["masks"]
    assert payload["files"][0]["secret"] and payload["files"][0]["mode"] == "0640"


def test_an_inline_secret_is_warned_about_and_masked() -> None:
    payload, warnings = build_task(files=[{"path": "a.yml", "data": {"r": [{"password": "hunter22"}]}}])
    assert payload["masks"] == ["hunter22"]
    assert "r[0].password" in warnings[0] and "password_file" in warnings[0] and "hunter22" not in warnings[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../x"}, ["'../x'"]),
        ({"release": {**TASK["release"], "version": "latest"}}, ["'latest'", "x_version"]),
        ({"release": {**TASK["release"], "version": "v1.2.3"}}, ["'v1.2.3'", "without a leading v"]),
        ({"release": {**TASK["release"], "sha256": {"amd64": "abc"}}}, ["amd64", "'abc'", "x_release_sha256"]),
        ({"release": {**TASK["release"], "url": "ftp://h/x"}}, ["ftp://h/x"]),
        ({"command": ["yd"]}, ["'yd'", "xd"]),
        ({"data": {"path": "var/lib"}}, ["'var/lib'", "x_data_dir"]),
        ({"keep_generations": 1}, ["x_keep_generations"]),
        ({"root": "opt"}, ["'opt'"]),
        ({"files": [{"path": "../../etc/passwd", "content": "x"}]}, ["../../etc/passwd"]),
        ({"files": [{"path": "/etc/passwd", "content": "x"}]}, ["/etc/passwd"]),
        ({"files": [{"path": "a", "content": "x"}, {"path": "a", "content": "y"}]}, ["two files at a"]),
        ({"files": [{"path": "a", "content": "x"}], "secrets": [{"path": "a", "content": "y"}]}, ["both"]),
        ({"files": [{"path": "a", "content": "x", "mode": "rw"}]}, ["'rw'", "0640"]),
        ({"secrets": [{"path": "a", "content": "x", "mode": "0644"}]}, ["0644", "0640"]),
        (
            {"files": [{"path": "a.yml", "content": "a: [\nb: c", "variable": "x_rules"}]},
            ["a.yml", "line 3", "x_rules"],
        ),
    ],
)
def test_what_is_wrong_is_said_before_any_host_is_asked(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(StackError) as caught:
        build_task(**changes)
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert caught.value.step == "input"


def test_unknown_options_are_refused() -> None:
    task = {**TASK, "probe": {"port": 1, "paht": "/"}}
    checked = ArgumentSpecValidator(ARGUMENT_SPEC, required_if=REQUIRED_IF).validate(task)
    assert "paht" in " ".join(checked.error_messages)


def test_plain_takes_ansible_s_own_types_apart() -> None:
    class Text(str):
        pass

    class Table(dict):
        pass

    found = plain(Table({Text("a"): (Text("b"), 1, True, None, 1.5)}))
    assert found == {"a": ["b", 1, True, None, 1.5]}
    parts = [found, *found, found["a"], *found["a"]]
    assert {part.__class__.__module__ for part in parts} == {"builtins"}
    assert to_yaml(found).startswith("a:\n- b\n")


def test_a_file_cannot_be_the_folder_of_another() -> None:
    with pytest.raises(StackError, match=r"Could not place rules of x as a file: it is the folder of rules/a\.yml"):
        build_task(files=[{"path": "rules", "content": ""}], secrets=[{"path": "rules/a.yml", "content": ""}])
    build_task(files=[{"path": "rules", "content": ""}, {"path": "rules.d/a.yml", "content": ""}])


PACKAGE = {"kind": "distribution", "package": "xd", "binaries": {"xd": "/usr/sbin/xd"}, "masked_units": ["xd"]}


def test_a_package_needs_neither_version_nor_url() -> None:
    payload, _warnings = build_task(release=PACKAGE)
    release = Wish.from_plain(payload).release
    assert (release.package, release.masked_units, release.version) == ("xd", ("xd",), "")


@pytest.mark.parametrize(
    ("change", "word"),
    [({"package": ""}, "package"), ({"package": "xd; rm"}, "package"), ({"binaries": {"xd": "xd"}}, "absolute")],
)
def test_a_package_that_is_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(StackError, match=word):
        build_task(release={**PACKAGE, **change})


@pytest.mark.parametrize("key", ["version", "url"])
def test_an_archive_needs_version_and_url(key: str) -> None:
    release = {name: value for name, value in TASK["release"].items() if name != key}
    with pytest.raises(StackError, match=r"version|URL"):
        build_task(release=release)
