# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_ways_in, _guarded and _instance: what is tried, what the answers mean, what is tried where."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _guarded, _instance, _ways_in
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS
from ansible_collections.obs.stack.plugins.module_utils._estate_ways import Ways
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
    harmless = {b"{}", b"[]", b"", b'{"streams":[]}', b"not snappy", b"not thrift", b"no metric"}
    for entries in _guarded.ENTRIES.values():
        for entry in entries:
            way = Way(entry.what, "a", 1, entry.path, content_type=entry.content_type)
            assert _ways_in.body_of(way) in harmless
    assert _ways_in.body_of(PUSH._replace(path="/p/loki/api/v1/push")) == b'{"streams":[]}'
    assert _ways_in.body_of(PUSH._replace(path="/api/v1/write")) == b"not snappy"


def ways_of(**variables: t.Any) -> Ways:
    """The ways of host a, which runs everything; host b makes the site more than one host."""
    groups = {component.group: ["a"] for component in COMPONENTS}
    groups["monitored"] = ["a", "b"]
    return Ways(groups, {"a": {"obs_address": "10.0.0.1", **variables}, "b": {}}, "a")


def items(component: str, **variables: t.Any) -> list[dict[str, t.Any]]:
    return _guarded.guarded(component, _guarded.listeners(component, ways_of(**variables)))


def test_what_listens_on_loopback_is_not_tried() -> None:
    for component in _guarded.ENTRIES:
        assert items(component, obs_listen_address="127.0.0.1", grafana_listen_address="[::1]:3000") == []
    assert items("node_exporter") == items("thanos-query") == []
    assert items("thanos-receive") == [], "its remote write is on loopback by default"


def test_a_site_of_one_host_keeps_its_receivers_on_loopback() -> None:
    alone = Ways({"loki": ["a"], "tempo": ["a"], "otelcol": ["a"]}, {"a": {"obs_address": "10.0.0.1"}}, "a")
    for component in ("loki", "tempo", "otelcol"):
        assert _guarded.guarded(component, _guarded.listeners(component, alone)) == []


def test_receivers_are_tried_at_the_address_others_use() -> None:
    (grpc,) = items("otelcol", otelcol_tls={"certificate": "x"}, otelcol_otlp_http_listen_address="127.0.0.1:1")
    assert (grpc["address"], grpc["port"], grpc["scheme"], grpc["method"]) == ("10.0.0.1", 4317, "https", GRPC)
    assert not grpc["warning"]
    assert [item["what"] for item in items("otelcol", otelcol_zipkin_endpoint="0.0.0.0:9411")][-1] == "Zipkin"
    (receive,) = items("thanos-receive", thanos_receive_remote_write_address="0.0.0.0:10917")
    assert receive["path"] == "/api/v1/receive"


def test_a_push_is_tried_with_what_is_no_metric() -> None:
    (push,) = items("pushgateway", pushgateway_external_url="http://x/push")
    assert (push["port"], push["path"], push["warning"]) == (9091, "/push/metrics/job/obs-verify", False)
    assert _ways_in.body_of(_ways_in.way_of(push)) == b"no metric"


def test_a_prefix_stands_before_paths() -> None:
    paths = [item["path"] for item in items("loki", loki_external_url="http://x/logs")]
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
    users = {component + "_basic_auth_username": "u"} if login else {}
    assert [item["warning"] for item in items(component, **users)] == expected


def test_the_gateway_is_tried_for_each_service_behind_it() -> None:
    found = items("gateway", gateway_tls={"certificate": "x"}, gateway_ports={"loki": 3111})
    ports = {item["what"]: item["port"] for item in found}
    assert ports == {
        "OTLP over gRPC": 4317,
        "OTLP over HTTP": 4318,
        "Loki push": 3111,
        "Loki OTLP": 3111,
        "remote write": 9090,
        "Prometheus OTLP": 9090,
        "Alertmanager API": 9093,
        "Grafana API": 3000,
    }
    assert {item["scheme"] for item in found} == {"https"} and {item["address"] for item in found} == {"10.0.0.1"}
    assert not any(item["warning"] for item in found), "a gateway asks for users"


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
