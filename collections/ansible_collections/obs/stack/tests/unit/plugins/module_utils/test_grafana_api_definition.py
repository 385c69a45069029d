# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_definition, _grafana_api_normal, _grafana_api_names: dashboards as given, and as they compare."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import recognise, resolved
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid, derived, page, slug
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_normal import (
    aligned,
    canonical,
    clamped,
    difference,
    seconds,
)

KIND = {
    "apiVersion": "dashboard.grafana.app/v2",
    "kind": "Dashboard",
    "metadata": {
        "name": "k",
        "labels": {"team": "ops", "grafana.app/deprecatedInternalID": "3"},
        "annotations": {"grafana.app/folder": "ops", "grafana.app/createdBy": "x", "example.com/a": "b"},
    },
    "spec": {"title": "Kind", "elements": {}, "layout": {}},
}


@pytest.mark.parametrize(
    ("document", "uid", "versions"),
    [
        ({"title": " D ", "uid": " d "}, "d", ()),
        ({"dashboard": {"title": "D", "uid": "d"}, "meta": {}}, "d", ()),
        (KIND, "k", ("v2",)),
        ({"title": "V2", "elements": {}, "layout": {}}, "", ("v2", "v2beta1", "v2alpha2", "v2alpha1")),
    ],
)
def test_each_form_is_recognised(document: t.Any, uid: str, versions: t.Any) -> None:
    found = recognise(document, "x.json")
    assert (found.uid, found.versions, found.source) == (uid, versions, "x.json")
    assert found.title == found.title.strip() != ""


def test_envelope_is_taken_over_without_what_is_grafanas() -> None:
    found = recognise(KIND, "x")
    assert (found.folder_uid, found.labels, found.annotations) == ("ops", {"team": "ops"}, {"example.com/a": "b"})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "it is no object"),
        ({}, "it has no title"),
        ({"title": "x" * 5001}, "longer than 5000 bytes"),
        ({"title": "x", "uid": "ä"}, "it holds other characters"),
        ({**KIND, "kind": "Folder"}, "it is of kind Folder"),
        ({**KIND, "apiVersion": "dashboard.grafana.app/two"}, "not of the form"),
    ],
)
def test_what_is_no_dashboard(document: t.Any, said: str) -> None:
    with pytest.raises(StackError, match=said):
        recognise(document, "x.json")


def test_inputs_are_put_in_and_export_keys_go() -> None:
    document = {
        "title": "${VAR_T}",
        "__inputs": [{"name": "DS_P", "pluginId": "prometheus"}, {"name": "VAR_T", "type": "constant", "value": "T"}],
        "__requires": [{"type": "panel"}],
        "panels": [{"datasource": {"uid": "${DS_P}"}, "targets": [{"expr": "up{x=\"${DS_P}\"} $other ${kept}"}]}],
    }
    before = copy.deepcopy(document)
    found = resolved(recognise(document, "x"), {"DS_P": "prom"})
    assert found.spec["panels"][0]["datasource"]["uid"] == "prom" and found.title == "T"
    assert found.spec["panels"][0]["targets"][0]["expr"] == 'up{x="prom"} $other ${kept}'
    assert not [key for key in found.spec if key.startswith("__")] and document == before
    with pytest.raises(StackError, match=r"its inputs DS_P \(prometheus\) have no value"):
        resolved(recognise(document, "x"), {"DS_X": "prom"})


def test_library_panels_of_an_export_become_plain_ones() -> None:
    element = {"uid": "lib", "name": "Lib", "model": {"type": "stat", "title": "From lib", "libraryPanel": {}}}
    panel = {"id": 3, "gridPos": {"x": 1}, "libraryPanel": {"uid": "lib"}}
    document = {"title": "D", "__elements": {"lib": element}, "panels": [{"type": "row", "panels": [panel]}]}
    (row,) = resolved(recognise(document, "x"), {}).spec["panels"]
    assert row["panels"] == [{"id": 3, "gridPos": {"x": 1}, "type": "stat", "title": "From lib"}]


@pytest.mark.parametrize(
    ("refresh", "stored"),
    [
        ("1s", "5s"),
        ("5s", "5s"),
        ("1m", "1m"),
        ("", ""),
        ("auto", "auto"),
        ("never", "5s"),
        (False, False),
        ("500ms", "5s"),
    ],
)
def test_refresh_as_grafana_stores_it(refresh: t.Any, stored: t.Any) -> None:
    assert clamped(refresh, "5s") == stored


@pytest.mark.parametrize(
    ("text", "length"), [("1m30s", 90.0), ("2d", 172800.0), ("1.5h", 5400.0), ("x", None), ("", None)]
)
def test_durations(text: str, length: float | None) -> None:
    assert seconds(text) == length


def test_what_grafana_writes_itself_is_not_compared() -> None:
    library = {"uid": "l", "name": "L", "model": {"x": 1}, "version": 3}
    panels = [{"id": 1, "libraryPanel": library}, {"id": 2}]
    stored: dict[str, t.Any] = {"id": 4, "uid": "d", "version": 9, "title": "D", "panels": panels}
    given = {"title": " D ", "panels": [{"libraryPanel": {"uid": "l", "name": "L"}}, {"id": 2}]}
    now, wish = aligned(stored, given)
    assert now == wish
    assert canonical(stored)["panels"][0]["id"] == 1
    assert aligned({**stored, "panels": stored["panels"][:1]}, given)[0] != wish
    assert aligned(None, given)[0] is None


def test_difference_names_only_what_differs() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "gone": 1, "list": [1]}
    after = {"a": {"b": True, "c": [1, 3]}, "new": 2, "list": [1, 2]}
    was, becomes = difference(before, after)
    assert was == {"a.b": 1, "a.c[1]": 2, "gone": 1, "list": [1]}
    assert becomes == {"a.b": True, "a.c[1]": 3, "new": 2, "list": [1, 2]}
    assert difference(before, before) == ({}, {})


def test_names() -> None:
    assert slug("CPU & Memory ü") == "cpu-memory-u"
    assert derived("a", "Shop") == derived("a", "Shop") != derived("b", "Shop")
    assert derived("x", "Shop").startswith("shop-") and len(derived("x", "y" * 99)) <= 40
    assert derived("ä", "日本") and check_uid(derived("", "日本"), "x")
    assert check_uid(" a_b-C1 ", "x") == "a_b-C1"
    for wrong in ("", "a b", "a" * 41):
        with pytest.raises(StackError):
            check_uid(wrong, "x")


@pytest.mark.parametrize(
    ("base", "path", "address"),
    [
        ("http://x:3000", "/d/a", "http://x:3000/d/a"),
        ("http://x/grafana", "/grafana/d/a", "http://x/grafana/d/a"),
        ("http://x/grafana", "/d/a", "http://x/grafana/d/a"),
        ("http://x", "", ""),
        ("http://x", "https://y/z", "https://y/z"),
    ],
)
def test_address_of_a_page(base: str, path: str, address: str) -> None:
    assert page(base, path) == address
