# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_ways_in, _guarded and _instance: what is tried, what the answers mean, what is tried where."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _guarded, _instance, _ways_in
from ansible_collections.obs.stack.plugins.module_utils._guarded import Listener
from ansible_collections.obs.stack.plugins.module_utils._ways_in import GRPC, Attempt, Way

PUSH = Way("push", "10.0.0.1", 3100, "/loki/api/v1/push")


@pytest.mark.parametrize(
    ("attempt", "state"),
    [
        (Attempt("http", 401), "refused"),
        (Attempt("http", 403), "refused"),
        (Attempt("http", 302), "refused"),
        (Attempt("http", 404), "refused"),
        (Attempt("http", 500, '{"error":"admin APIs disabled"}'), "refused"),
        (Attempt("tls"), "refused"),
        (Attempt("grpc", 16), "refused"),
        (Attempt("grpc", 7), "refused"),
        (Attempt("grpc", 12), "refused"),
        (Attempt("http", 200), "open"),
        (Attempt("http", 204), "open"),
        (Attempt("http", 400, "s2: corrupt input"), "open"),
        (Attempt("http", 415), "open"),
        (Attempt("http", 422), "open"),
        (Attempt("http", 429), "open"),
        (Attempt("grpc", 0), "open"),
        (Attempt("grpc", 3), "open"),
        (Attempt("http", 503), "unknown"),
        (Attempt("grpc", 14), "unknown"),
        (Attempt("silent", words="Connection refused"), "unknown"),
    ],
)
def test_what_an_answer_means(attempt: Attempt, state: str) -> None:
    assert _ways_in.judge_one(PUSH, attempt)[0] == state


def told(ways: t.Sequence[Way], attempts: t.Sequence[Attempt], strict: bool = False) -> list[tuple[bool, bool, str]]:
    return [(one.healthy, one.warning, one.detail) for one in _ways_in.judge(ways, attempts, strict=strict)]


def test_a_way_that_is_open_is_wrong_and_named() -> None:
    found = told([PUSH, PUSH._replace(what="other")], [Attempt("http", 422), Attempt("http", 401)])
    assert found == [
        (
            False,
            False,
            "push at 10.0.0.1:3100 takes writes from anybody (HTTP 422); "
            "set credentials or a client CA, or let it listen on 127.0.0.1",
        )
    ]


def test_a_lenient_one_is_told_unless_strict() -> None:
    lenient = [PUSH._replace(warning=True)]
    assert [one[:2] for one in told(lenient, [Attempt("http", 200)])] == [(True, True)]
    assert [one[:2] for one in told(lenient, [Attempt("http", 200)], strict=True)] == [(False, True)]


def test_what_could_not_be_tried_is_no_proof() -> None:
    found = told([PUSH], [Attempt("silent", words="timed out")])
    assert found == [(True, True, "push at 10.0.0.1:3100 could not be tried: timed out")]


def test_refusals_are_one_good_finding() -> None:
    assert told([PUSH], [Attempt("http", 401)]) == [(True, False, "refused without credentials: push (HTTP 401)")]
    assert told([], []) == []


def test_requests_write_nothing_where_they_are_let_in() -> None:
    # Whoever adds an entry says here why it is harmless: nothing inside, or nothing that can be read.
    harmless = {b"{}", b"[]", b"", b'{"streams":[]}', b"not snappy", b"not thrift"}
    for entries in _guarded.ENTRIES.values():
        for entry in entries:
            way = Way(entry.what, "a", 1, entry.path, content_type=entry.content_type)
            assert _ways_in.body_of(way) in harmless
    assert _ways_in.body_of(PUSH._replace(path="/p/loki/api/v1/push")) == b'{"streams":[]}'
    assert _ways_in.body_of(PUSH._replace(path="/api/v1/write")) == b"not snappy"


def items(component: str, variables: t.Any = None, **main: t.Any) -> list[dict[str, t.Any]]:
    listener = Listener(**{"address": "10.0.0.1", "port": 1, **main})
    return _guarded.guarded(component, _guarded.listeners(component, variables or {}, listener))


def test_what_listens_on_loopback_is_not_tried() -> None:
    assert (
        items("loki", address="127.0.0.1") == items("loki", address="::1") == items("loki", address="localhost") == []
    )
    assert items("otelcol") == [] and items("tempo") == [], "their receivers listen on loopback by default"
    assert items("node_exporter") == []


def test_receivers_beyond_loopback_are_tried_at_the_address_others_use() -> None:
    variables = {"otelcol_otlp_grpc_listen_address": "0.0.0.0:4317", "otelcol_tls": {"certificate": "x"}}
    (item,) = items("otelcol", variables)
    assert (item["address"], item["port"], item["scheme"], item["method"]) == ("10.0.0.1", 4317, "https", GRPC)
    assert not item["warning"]


def test_a_prefix_stands_before_paths() -> None:
    paths = [item["path"] for item in items("loki", prefix="/logs")]
    assert paths == ["/logs/loki/api/v1/push", "/logs/otlp/v1/logs"]


@pytest.mark.parametrize(
    ("component", "login", "expected"),
    [
        ("alertmanager", False, [True]),
        ("alertmanager", True, [False]),
        ("prometheus", False, [False, False, True]),
        ("prometheus", True, [False, False, False]),
        ("grafana", False, [False]),
    ],
)
def test_open_administration_without_a_login_is_a_warning(component: str, login: bool, expected: list[bool]) -> None:
    assert [item["warning"] for item in items(component, login=login)] == expected


def test_the_gateway_is_tried_for_each_service_behind_it() -> None:
    found = _guarded.guarded("gateway", {"loki": Listener("10.0.0.9", 3100, "https"), "otlp_http": Listener("::1", 1)})
    assert [(item["what"], item["port"]) for item in found] == [("Loki push", 3100), ("Loki OTLP", 3100)]


def test_items_become_ways() -> None:
    for item in items("prometheus"):
        assert _ways_in.way_of(item)._asdict() == item
    assert _ways_in.way_of({"what": "x", "address": "a", "port": 1, "path": "/", "scheme": None}).scheme == "http"


def test_keys_are_told_on_ec2_only(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vendor").write_text("Amazon EC2\n")
    assert _instance.vendor(str(tmp_path / "vendor")) == "Amazon EC2"
    assert _instance.vendor(str(tmp_path / "none")) == ""
    assert _instance.judge("QEMU", strict=True) == []
    (found,) = _instance.judge("Amazon EC2", strict=False)
    assert found.warning and found.healthy and "instance profile" in found.detail
    assert not _instance.judge("Amazon EC2", strict=True)[0].healthy
