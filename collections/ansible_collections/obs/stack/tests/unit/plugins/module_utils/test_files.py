# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files, layout, digests, pruning and adoption: the small parts around a transaction."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.obs.stack.plugins.module_utils._adoption import flag_value, is_ours
from ansible_collections.obs.stack.plugins.module_utils._digest import host_key, keyed, version_key
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._files import (
    nearest_existing,
    point_symlink,
    read_json,
    write_json,
)
from ansible_collections.obs.stack.plugins.module_utils._layout import NAME, Layout
from ansible_collections.obs.stack.plugins.module_utils._lock import locked
from ansible_collections.obs.stack.plugins.module_utils._prune import choose, unused_releases


def test_a_symlink_is_moved_in_one_rename(tmp_path: Path) -> None:
    link = tmp_path / "current"
    point_symlink(str(link), "generations/1")
    point_symlink(str(link), "generations/2")
    assert os.readlink(link) == "generations/2"
    assert os.listdir(tmp_path) == ["current"]


def test_a_torn_note_is_no_note(tmp_path: Path) -> None:
    path = tmp_path / "pending.json"
    write_json(str(path), {"to": 2})
    assert read_json(str(path)) == {"to": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text('{"to": ')
    assert read_json(str(path)) is None


def test_the_current_generation_is_read_from_its_link(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path), "x")
    assert layout.current_number() is None and layout.generation_numbers() == []
    for number in (0, 2, 10):
        os.makedirs(layout.generation(number))
    point_symlink(layout.current, "generations/0")
    assert layout.current_number() is None, "generation 0 means that nothing is installed"
    point_symlink(layout.current, "generations/10")
    assert layout.current_number() == 10
    assert layout.generation_numbers() == [2, 10]


@pytest.mark.parametrize("name", ["", "A", "../x", "x y", "-x", "x/y"])
def test_names_that_are_none(name: str) -> None:
    assert not NAME.match(name)


def test_the_host_key_is_made_once(tmp_path: Path) -> None:
    path = str(tmp_path / "hmac.key")
    assert host_key(path, create=False) != host_key(path, create=False)
    assert not os.path.exists(path), "check mode writes nothing"
    first = host_key(path, create=True)
    assert host_key(path, create=True) == first and len(first) == 32
    assert keyed(first, b"x") != keyed(b"0" * 32, b"x")


def test_versions_are_ordered_by_their_numbers() -> None:
    shuffled = ["3.13.10", "0.32.3", "0.32.0", "3.5.1", "0.31.1", "0.32.0-rc.0", "3.13.4"]
    ordered = ["0.31.1", "0.32.0-rc.0", "0.32.0", "0.32.3", "3.5.1", "3.13.4", "3.13.10"]
    assert sorted(shuffled, key=version_key) == ordered


def test_nearest_existing(tmp_path: Path) -> None:
    assert nearest_existing(str(tmp_path / "a" / "b")) == str(tmp_path)


def test_a_second_run_fails_clearly(tmp_path: Path) -> None:
    path = str(tmp_path / ".lock")
    with locked(path, name="x", patience=0), pytest.raises(StackError) as caught, locked(path, name="x", patience=0):
        pass
    assert str(os.getpid()) in str(caught.value) and path in str(caught.value)
    with locked(path, name="x", patience=0):
        pass


def test_pruning_keeps_the_newest_and_what_is_used() -> None:
    assert choose([1, 2, 3, 4, 5], keep=2, used={2}) == [1, 3]
    assert choose([1, 2, 3], keep=5, used=set()) == []
    assert choose([1, 2, 3], keep=0, used=set()) == [1, 2], "one generation always stays"
    assert unused_releases(["a", "b", "c"], {3: "a"}, used={"c", ""}) == ["b"]


@pytest.mark.parametrize(
    ("argv", "value"),
    [
        (["x", "--data=/a"], "/a"),
        (["x", "--data", "/a"], "/a"),
        (["x", "--data-dir=/a"], ""),
        (["x", "--data"], ""),
    ],
)
def test_the_data_folder_of_another_process(argv: list[str], value: str) -> None:
    assert flag_value(argv, "--data") == value


def test_our_units_are_known_by_their_first_line(tmp_path: Path) -> None:
    unit = tmp_path / "x.service"
    unit.write_text("# Managed by obs.stack: x\n[Unit]\n")
    assert is_ours(str(unit))
    unit.write_text("[Unit]\n# Managed by obs.stack\n")
    assert not is_ours(str(unit))
    assert not is_ours(str(tmp_path / "missing"))
