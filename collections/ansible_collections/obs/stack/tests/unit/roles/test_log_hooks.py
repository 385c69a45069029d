# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hooks of the log agents: which logs cannot be read, where Promtail begins, and whether it has read all."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import sys
import typing as t

import pytest

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"


def load(role: str, name: str) -> t.Any:
    """A hook as a module; hooks of one folder find each other."""
    path = ROLES / role / "files" / "hooks" / (name + ".py")
    spec = importlib.util.spec_from_file_location(role + "_" + name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def readable() -> t.Any:
    return load("otelcol", "readable")


@pytest.fixture
def promtail(readable: t.Any, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    monkeypatch.setitem(sys.modules, "readable", readable)
    module = load("promtail", "handover")
    entry = {"__CURSOR": "s=a;i=2;t=64", "__REALTIME_TIMESTAMP": "100"}
    monkeypatch.setattr(module, "newest", lambda journal: entry)
    return module


def test_braces_are_alternatives(readable: t.Any) -> None:
    assert readable.alternatives("/a/{b,c}/{d,e}") == ["/a/b/d", "/a/b/e", "/a/c/d", "/a/c/e"]


@pytest.fixture
def closed(readable: t.Any, monkeypatch: pytest.MonkeyPatch) -> set:
    """Paths that the account cannot read or look into; root, who runs tests, can read all."""
    paths: set = set()
    monkeypatch.setattr(readable.os, "access", lambda path, mode: str(path) not in paths)
    return paths


def test_what_cannot_be_read_is_found(readable: t.Any, closed: set, tmp_path: pathlib.Path) -> None:
    for name in ("a.log", "b.log", "deep/down/c.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    every = str(tmp_path / "**" / "*.log")
    assert list(readable.unreadable(every, [])) == []
    closed.add(str(tmp_path / "b.log"))
    assert list(readable.unreadable(every, [])) == [str(tmp_path / "b.log")]
    assert list(readable.unreadable(every, [str(tmp_path / "b*")])) == []
    closed.add(str(tmp_path / "deep"))
    assert str(tmp_path / "deep") in set(readable.unreadable(every, [str(tmp_path / "b*")]))
    assert list(readable.unreadable(str(tmp_path / "deep" / "not-there.log"), [])) == [str(tmp_path / "deep")]
    assert list(readable.unreadable(str(tmp_path / "gone" / "*.log"), [])) == []


def test_the_answer_names_file_mode_and_owner(
    readable: t.Any, closed: set, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture
) -> None:
    log = tmp_path / "a.log"
    log.write_text("x")
    log.chmod(0o600)
    sources = tmp_path / "sources.json"
    sources.write_text(json.dumps({"files": [{"path": str(tmp_path / "*.log"), "exclude": ""}]}))
    assert readable.main([str(sources)]) == 0
    closed.add(str(log))
    assert readable.main([str(sources)]) == 1
    assert "cannot read {} (0600 ".format(log) in capsys.readouterr().out


def sources(folder: pathlib.Path) -> dict:
    return {
        "positions": str(folder / "positions.yaml"),
        "files": [{"path": str(folder / "*.log"), "exclude": str(folder / "{x,y}.log")}],
        "journals": [{"job": "journal", "path": ""}],
    }


def test_promtail_begins_at_the_present_ends(promtail: t.Any, tmp_path: pathlib.Path) -> None:
    for name in ("a.log", "x.log"):
        (tmp_path / name).write_text("12345\n")
    (tmp_path / "positions.yaml").write_text('positions:\n  "/gone.log": "7"\n  cursor-journal: s=a;i=1;t=32\n')
    promtail.begin(sources(tmp_path))
    assert promtail.positions(str(tmp_path / "positions.yaml")) == {
        str(tmp_path / "a.log"): "6",
        "cursor-journal": "s=a;i=2;t=64",
    }
    assert os.stat(str(tmp_path / "positions.yaml")).st_mode & 0o777 == 0o600


def test_promtail_is_behind_while_a_position_is(promtail: t.Any, tmp_path: pathlib.Path) -> None:
    log, known = tmp_path / "a.log", sources(tmp_path)
    log.write_text("12345\n")
    there = promtail.files(known)
    entries = {"journal": promtail.newest({})}
    noted = tmp_path / "positions.yaml"
    noted.write_text('positions:\n  {}: "5"\n  cursor-journal: s=a;i=1;t=32\n'.format(log))
    assert promtail.behind(known, there, entries) == [str(log), "the journal"]
    noted.write_text('positions:\n  {}: "6"\n  cursor-journal: s=a;i=2;t=64\n'.format(log))
    assert promtail.behind(known, there, entries) == []
    # Moved away since: Promtail has it open and reads it to the end before the next one.
    noted.write_text('positions:\n  {}: "0"\n  cursor-journal: s=a;i=2;t=64\n'.format(log))
    log.rename(tmp_path / "a.log.1")
    log.write_text("1234567890\n")
    assert promtail.behind(known, there, entries) == []
