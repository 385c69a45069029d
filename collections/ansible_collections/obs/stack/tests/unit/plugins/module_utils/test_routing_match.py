# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where routes lead, as Alertmanager itself says it, and which labels lead to a receiver."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils import _routing_match
from ansible_collections.obs.stack.plugins.module_utils._routing_match import Matcher, labels_for, parsed, reached, tree
from ansible_collections.obs.stack.tests.unit.programs import program

BASE = {"alertname": "ObsTest", "site": "main"}
CHOICES = {"severity": ["ticket", "info", "page", ""]}


def route(receiver: str, *matchers: str, **more: t.Any) -> dict[str, t.Any]:
    return {"receiver": receiver, "matchers": list(matchers), **more}


def test_matchers_are_read_in_all_of_their_forms() -> None:
    assert parsed(['severity="page"', "team=~shop|pay", 'a!="b", c!~"d,e"', '{x="1"}', '"with space"="y"']) == [
        Matcher("severity", "=", "page"),
        Matcher("team", "=~", "shop|pay"),
        Matcher("a", "!=", "b"),
        Matcher("c", "!~", "d,e"),
        Matcher("x", "=", "1"),
        Matcher("with space", "=", "y"),
    ]
    old = {"match": {"a": "1"}, "match_re": {"b": "2|3"}}
    assert _routing_match.matchers_of(old) == (Matcher("a", "=", "1"), Matcher("b", "=~", "2|3"))


def test_a_label_that_is_missing_is_empty() -> None:
    assert Matcher("team", "=", "").fits({}) and Matcher("team", "!~", "shop").fits({})
    assert not Matcher("team", "=~", ".+").fits({})
    assert not Matcher("team", "=~", "sho").fits({"team": "shop"}), "a pattern is of the whole value"
    assert not Matcher("team", "=~", "(?P<").fits({"team": "x"}), "a pattern of another syntax fits nothing"


def test_the_first_that_fits_counts_unless_it_goes_on() -> None:
    root = tree(
        route(
            "root",
            group_wait="10s",
            routes=[
                route("first", 'severity="page"', **{"continue": True}),
                route("second", 'severity="page"', routes=[route("inner", 'team="shop"')]),
                route("third"),
            ],
        )
    )

    def told(**labels: str) -> list[str]:
        return [end.receiver for end in reached(root, labels)]

    assert told(severity="page") == ["first", "second"]
    assert told(severity="page", team="shop") == ["first", "inner"]
    assert told() == ["third"]
    assert reached(root, {})[0].timing == {"group_wait": "10s", "group_interval": "5m", "repeat_interval": "4h"}


@pytest.mark.parametrize(
    ("matchers", "labels"),
    [
        (['severity="page"'], {"severity": "page"}),
        (['team=~"shop|pay"'], {"team": "shop"}),
        (['team=~"^(?:shop|pay)$"'], {"team": "shop"}),
        (['host=~"db-.*"'], {"host": "db-1"}),
        (['host=~"web[0-9]+"'], {"host": "web0"}),
        (['site!="main"'], {"site": ""}),
        (['site!~"main|"'], {"site": "test"}),
        (['site!~"main|test|"'], {"site": "other"}),
        (['team!=""'], {"team": "test"}),
        (['severity=~"page|ticket"'], {"severity": "ticket"}),
        (['team=~".+"', 'team!~"shop|test"'], None),
    ],
)
def test_labels_are_found_that_lead_to_a_receiver(matchers: list[str], labels: dict[str, str] | None) -> None:
    root = tree(route("root", routes=[route("wanted", *matchers), route("rest")]))
    found = labels_for(root, "wanted", BASE, CHOICES)
    if labels is None:
        # Not every pattern can be answered; then it is said that nothing leads there.
        assert found is None or "wanted" in [end.receiver for end in found[1]]
        return
    assert found is not None and [end.receiver for end in found[1]] == ["wanted"]
    wanted = {**BASE, "severity": "ticket", **labels}
    assert {label: value for label, value in wanted.items() if value} == found[0]


def test_what_a_route_before_takes_is_gone_round() -> None:
    root = tree(
        route(
            "root",
            routes=[
                route("none", 'severity=~"info|ticket"'),
                route("none", 'team=""'),
                route("wanted"),
                route("never"),
            ],
        )
    )
    found = labels_for(root, "wanted", BASE, CHOICES)
    assert found is not None and found[0] == {**BASE, "severity": "page", "team": "test"}
    assert labels_for(root, "never", BASE, CHOICES) is None, "the one before takes all"
    assert labels_for(root, "nobody", BASE, CHOICES) is None


def test_a_way_without_hours_is_better() -> None:
    hours = {"active_time_intervals": ["office"]}
    root = tree(route("root", routes=[route("a", 'team="x"', **hours), route("a", 'team="y"'), route("b")]))
    found = labels_for(root, "a", BASE, CHOICES)
    assert found is not None and found[0]["team"] == "y" and not found[1][0].hours


VALUES = st.sampled_from(["", "a", "b", "test"])
MATCHERS = st.lists(
    st.builds(
        lambda label, op, value: f'{label}{op}"{value}"',
        st.sampled_from(["l", "m"]),
        st.sampled_from(["=", "!=", "=~", "!~"]),
        st.sampled_from(["", "a", "b", "a|b", ".+"]),
    ),
    max_size=2,
)
ROUTES = st.recursive(
    st.builds(lambda m, c: {"matchers": m, "continue": c}, MATCHERS, st.booleans()),
    lambda below: st.builds(
        lambda m, c, r: {"matchers": m, "continue": c, "routes": r},
        MATCHERS,
        st.booleans(),
        st.lists(below, max_size=3),
    ),
    max_leaves=6,
)


def numbered(node: dict[str, t.Any], count: list[int]) -> dict[str, t.Any]:
    """A tree with a receiver of its own for each node."""
    count[0] += 1
    result = {**node, "receiver": f"r{count[0]}"}
    result["routes"] = [numbered(child, count) for child in node.get("routes", [])]
    return result


@settings(max_examples=300, deadline=None)
@given(st.lists(ROUTES, max_size=3))
def test_labels_that_are_found_lead_there(children: list[dict[str, t.Any]]) -> None:
    count = [0]
    root = tree(numbered({"routes": children}, count))
    for number in range(1, count[0] + 1):
        found = labels_for(root, f"r{number}", {}, {})
        if found is not None:
            assert f"r{number}" in [end.receiver for end in reached(root, found[0])]
            continue
        # None says that there is none, of the values that any matcher here names.
        for one in ("", "a", "b", "test"):
            for other in ("", "a", "b", "test"):
                ends = reached(root, {key: value for key, value in (("l", one), ("m", other)) if value})
                assert f"r{number}" not in [end.receiver for end in ends]


AMTOOL = program("alertmanager", "amtool")


@pytest.mark.skipif(AMTOOL is None, reason="no amtool on the PATH nor in the artifact store")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(children=st.lists(ROUTES, min_size=1, max_size=3), one=VALUES, other=VALUES)
def test_routes_lead_where_upstream_says(
    tmp_path: pathlib.Path, children: list[dict[str, t.Any]], one: str, other: str
) -> None:
    count = [0]
    document = numbered({"routes": children}, count)
    document.pop("matchers", None)
    names = [f"r{number}" for number in range(1, count[0] + 1)]
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump({"route": document, "receivers": [{"name": name} for name in names]}))
    labels = {key: value for key, value in (("l", one), ("m", other), ("z", "1")) if value}
    argv = [
        str(AMTOOL),
        "config",
        "routes",
        "test",
        f"--config.file={path}",
        *(f"{k}={v}" for k, v in labels.items()),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().split(",") == [end.receiver for end in reached(tree(document), labels)]
