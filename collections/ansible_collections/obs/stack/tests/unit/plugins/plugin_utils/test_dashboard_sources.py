# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_dashboard_sources: what is found below a folder, what is refused, and what is packed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import tags_of
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import Archive, sha256_of
from ansible_collections.obs.stack.plugins.plugin_utils._dashboard_sources import (
    load,
    pack,
    sources_of,
    sources_of_definitions,
)


def write(folder: Path, **files: Any) -> str:
    for name, document in files.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(folder)


def packed(folder: Path, *paths: str, **options: Any) -> list[dict[str, Any]]:
    return pack(str(folder / "a.zip"), sources_of(paths), **{"inputs": {}, "owner": "", **options})


def test_folder_is_taken_whole_and_in_order(tmp_path: Path) -> None:
    top = write(
        tmp_path / "d",
        z_DOT_json={"title": "Z"},
        a__b_DOT_yaml="title: B\n",
        a__c_DOT_yml="title: C\n",
        _DOT_git__x_DOT_json="no",
        notes_DOT_txt="no",
        a__old_DOT_json_DOT_bak="no",
    )
    found = list(sources_of([top, str(Path(top) / "z.json")]))
    assert [one.label for one in found] == ["z.json", "a/b.yaml", "a/c.yml", "z.json"]
    assert [one.folder for one in found] == ["", "a", "a", ""]


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"it holds no \.json, \.yaml or \.yml file"):
        list(sources_of([str(tmp_path)]))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", '{\n "title": }', r"a\.json \(line 2, column 11\): Expecting value"),
        ("a.yaml", "title: [\n", "line 2"),
        ("a.json", "", "line 1, column 1"),
    ],
)
def test_broken_file_is_told_with_its_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(StackError, match=said):
        load(str(tmp_path / name), name)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(StackError, match="it is not UTF-8"):
        load(str(tmp_path / "a.json"), "a.json")
    with pytest.raises(StackError, match="No such file"):
        load(str(tmp_path / "b.json"), "b.json")


def test_two_dashboards_with_one_uid_are_named(tmp_path: Path) -> None:
    top = write(tmp_path / "d", a_DOT_json={"title": "A", "uid": "x"}, b_DOT_json={"title": "B", "uid": " x"})
    with pytest.raises(StackError, match=r"the dashboard b\.json: its uid 'x' is that of a\.json as well"):
        packed(tmp_path, top)


def test_archive_holds_what_the_host_needs(tmp_path: Path) -> None:
    document = {"title": "ä", "__inputs": [{"name": "DS"}], "panels": [{"datasource": "${DS}"}], "tags": ["x"]}
    top = write(tmp_path / "d", team__a_DOT_json=document)
    (entry,) = packed(tmp_path, top, inputs={"DS": "prom"}, owner="repo")
    path = str(tmp_path / "a.zip")
    archive = Archive(path, sha256_of(path))
    definition = archive.definition(archive.index[0])
    assert archive.index == [entry] and entry["folder"] == "team"
    assert definition.title == "ä" and definition.source == "team/a.json"
    assert definition.spec["panels"] == [{"datasource": "prom"}]
    assert definition.spec["tags"] == ["x", *tags_of("repo", entry["uid"])]
    assert packed(tmp_path, top, inputs={"DS": "prom"}, owner="repo") == [entry]


def test_uid_that_is_derived_stays_and_is_of_its_place(tmp_path: Path) -> None:
    top = write(tmp_path / "d", a_DOT_json={"title": "A"}, b__a_DOT_json={"title": "A"})
    first = packed(tmp_path, top)
    assert len({entry["uid"] for entry in first}) == 2
    write(tmp_path / "d", a_DOT_json={"title": "Other"})
    assert packed(tmp_path, top) == first
    assert packed(tmp_path, top, owner="x") != first


def test_same_dashboards_are_the_same_archive(tmp_path: Path) -> None:
    top = write(tmp_path / "d", a_DOT_json={"title": "A"})
    packed(tmp_path, top)
    first = sha256_of(str(tmp_path / "a.zip"))
    packed(tmp_path, top)
    assert sha256_of(str(tmp_path / "a.zip")) == first


def test_definitions_of_the_task(tmp_path: Path) -> None:
    documents = [{"title": "A"}, {"title": "B", "uid": "b"}]
    index = pack(str(tmp_path / "a.zip"), sources_of_definitions(documents), inputs={}, owner="")
    assert index[1]["uid"] == "b"
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert json.loads(archive.read("0.json"))["spec"] == {"title": "A"}
    with pytest.raises(StackError, match="number 1 of definitions: it has no title"):
        pack(str(tmp_path / "a.zip"), sources_of_definitions([{}]), inputs={}, owner="")
