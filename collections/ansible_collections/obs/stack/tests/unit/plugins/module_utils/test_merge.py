# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merging, layers and flags: tables of what goes in and what comes out."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import (
    cli_flags,
    collector_flags,
    config_merge,
    layers_for,
    version_key,
)

A = {"job_name": "a", "x": 1}
B = {"job_name": "b"}


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        pytest.param({}, {"a": 1}, {"a": 1}, id="adds"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="replaces a scalar"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}, id="merges dictionaries"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}, id="null deletes"),
        pytest.param({}, {"a": {"b": None}}, {"a": {}}, id="null never stays"),
        pytest.param({"a": {"b": 1}}, {"a": None}, {}, id="null deletes a dictionary"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, {"a": [3]}, id="lists replace"),
        pytest.param({"a": [1, None]}, {}, {"a": [1, None]}, id="null in a list stays"),
        pytest.param({"a": {"b": 1}}, {"a": "text"}, {"a": "text"}, id="another type replaces"),
        pytest.param({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a dictionary replaces another type"),
        pytest.param(
            {"scrape_configs": [A, B]},
            {"scrape_configs": [{"job_name": "a", "y": 2}]},
            {"scrape_configs": [{**A, "y": 2}, B]},
            id="a keyed list merges by its key",
        ),
        pytest.param(
            {"scrape_configs": [A]},
            {"scrape_configs": [{"job_name": "c"}]},
            {"scrape_configs": [A, {"job_name": "c"}]},
            id="a keyed list grows at its end",
        ),
        pytest.param(
            {"scrape_configs": [A, B]},
            {"scrape_configs": [{"job_name": "a", "$patch": "delete"}]},
            {"scrape_configs": [B]},
            id="patch deletes an item",
        ),
        pytest.param({"scrape_configs": [A]}, {"scrape_configs": []}, {"scrape_configs": [A]}, id="empty adds nothing"),
        pytest.param({"scrape_configs": [A]}, {"scrape_configs": None}, {}, id="null deletes a keyed list"),
        pytest.param(
            {"receivers": [{"name": "none"}]},
            {"receivers": [{"name": "team", "webhook_configs": [{"url": "u"}]}]},
            {"receivers": [{"name": "none"}, {"name": "team", "webhook_configs": [{"url": "u"}]}]},
            id="receivers",
        ),
        pytest.param(
            {"remote_write": [{"url": "a"}]},
            {"remote_write": [{"url": "b"}]},
            {"remote_write": [{"url": "b"}]},
            id="unnamed remote_write replaces",
        ),
        pytest.param(
            {"remote_write": [{"name": "x", "url": "a"}]},
            {"remote_write": [{"name": "x", "timeout": "5s"}]},
            {"remote_write": [{"name": "x", "url": "a", "timeout": "5s"}]},
            id="named remote_write merges",
        ),
        pytest.param(
            {},
            {"scrape_configs": [{"job_name": "a", "x": None}]},
            {"scrape_configs": [{"job_name": "a"}]},
            id="null within a new item",
        ),
    ],
)
def test_merge(base: dict[str, t.Any], over: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    assert config_merge(base, over) == expected


def test_later_ones_win_and_empty_ones_change_nothing() -> None:
    assert config_merge({"a": 1}, {"a": 2}, None, {}, {"a": 3}) == {"a": 3}


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"scrape_configs": [{"x": 1}]}, ("scrape_configs", "item 1 has no job_name")),
        ({"scrape_configs": [A, A]}, ("scrape_configs", "job_name 'a' is there twice")),
        ({"receivers": ["team"]}, ("receivers", "item 1 has no name")),
        ([1], ("not a dictionary",)),
    ],
)
def test_what_cannot_merge_is_told(over: t.Any, words: tuple[str, ...]) -> None:
    with pytest.raises(StackError) as caught:
        config_merge({}, over)
    for word in words:
        assert word in str(caught.value)


NESTED = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
CONFIG = st.dictionaries(st.sampled_from("abc"), NESTED, max_size=3)


@given(CONFIG, CONFIG)
def test_inputs_are_never_changed_and_nothing_is_shared(base: dict[str, t.Any], over: dict[str, t.Any]) -> None:
    before = copy.deepcopy((base, over))
    merged = config_merge(base, over)
    for value in merged.values():
        if isinstance(value, dict):
            value["poison"] = True
        elif isinstance(value, list):
            value.append("poison")
    assert (base, over) == before


@given(CONFIG, CONFIG)
def test_merging_the_same_again_changes_nothing(base: dict[str, t.Any], over: dict[str, t.Any]) -> None:
    once = config_merge(base, over)
    assert config_merge(once, over) == once
    assert config_merge(once, {}) == once


LAYERS = [
    {"config": {"a": 1, "old": {"x": 1}}},
    {"before": "3.8.0", "config": {"flag": True}},
    {"since": "3.8.0", "config": {"a": 2}},
    {"since": "3.11.0", "before": "3.13.0", "config": {"middle": True}},
    {"since": "3.13.0", "config": {"old": None}},
]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.5.1", {"a": 1, "old": {"x": 1}, "flag": True}),
        ("3.8.0", {"a": 2, "old": {"x": 1}}),
        ("3.10.99", {"a": 2, "old": {"x": 1}}),
        ("3.11.0", {"a": 2, "old": {"x": 1}, "middle": True}),
        ("3.13.0-rc.1", {"a": 2}),
        ("v3.13.5", {"a": 2}),
        ("4.0", {"a": 2}),
    ],
)
def test_layers(version: str, expected: dict[str, t.Any]) -> None:
    assert layers_for(LAYERS, version) == expected


@pytest.mark.parametrize("layer", [{"since": "1.0.0"}, {"config": {}, "until": "1.0.0"}])
def test_malformed_layer_is_refused(layer: dict[str, t.Any]) -> None:
    with pytest.raises(StackError, match="layer 1"):
        layers_for([layer], "1.0.0")


def test_versions_compare_by_number() -> None:
    assert version_key("3.9.0") < version_key("3.13") < version_key("3.13.1")


@pytest.mark.parametrize("version", ["latest", "", "3.x", "3..1"])
def test_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(StackError, match="not dotted numbers"):
        version_key(version)


@pytest.mark.parametrize(
    ("flags", "argv"),
    [
        ({"b": 1, "a": "x"}, ["--a=x", "--b=1"]),
        ({"on": True, "off": False, "default": None}, ["--no-off", "--on"]),
        ({"peer": ["b", "a"]}, ["--peer=b", "--peer=a"]),
        ({"peer": []}, []),
        ({"cluster.listen-address": ""}, ["--cluster.listen-address="]),
        ({"a": "x y=z"}, ["--a=x y=z"]),
    ],
)
def test_flags(flags: dict[str, t.Any], argv: list[str]) -> None:
    assert cli_flags(flags) == argv


@pytest.mark.parametrize("flags", [{"--a": 1}, {"": 1}, {"a b": 1}, {"a=b": 1}, {"a": {"b": 1}}, {"a": [[1]]}])
def test_flags_that_are_none_are_refused(flags: dict[str, t.Any]) -> None:
    with pytest.raises(StackError, match="Could not use the flag"):
        cli_flags(flags)


def test_collectors() -> None:
    assert collector_flags({"wifi": False, "cpu": None, "textfile": {"directory": "/x"}}) == {
        "collector.wifi": False,
        "collector.cpu": None,
        "collector.textfile": True,
        "collector.textfile.directory": "/x",
    }
    with pytest.raises(StackError, match="collector 'wifi'"):
        collector_flags({"wifi": "no"})
