# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upstreams that misbehave hurt nobody but their own module."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def module(name: str, url: str, more: str = "") -> str:
    return (
        f"  {name}:\n    kind: http_json\n    url: {url}\n    timeout: 1s\n{more}    metrics:\n"
        f"      - {{name: {name}_value, help: V., value: v}}\n"
    )


def drip(connection: socket.socket) -> None:
    connection.sendall(HEADER + b"Content-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.1)


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-A: 1\r\n")
        time.sleep(0.1)


def never(connection: socket.socket) -> None:
    connection.sendall(HEADER + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


def gigabyte(connection: socket.socket) -> None:
    connection.sendall(HEADER + b"Content-Length: 1000000000\r\n\r\n")
    for _piece in range(1000):
        connection.sendall(b"[" * 1_000_000)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def packed(body: bytes) -> bytes:
    return HEADER + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drip, "timeout"),
        (drip_headers, "timeout"),
        (silent, "timeout"),
        (never, "too_large"),
        (gigabyte, "too_large"),
        (packed(b"no gzip"), "malformed"),
        (packed(gzip.compress(b'{"v": 1}')[:-9]), "malformed"),
        (packed(gzip.compress(b" " * 200_000_000)), "too_large"),
        (b"HTTP/1.1 302 Found\r\nLocation: /bad\r\nContent-Length: 0\r\n\r\n", "upstream"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "upstream"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "upstream"),
        (b"SSH-2.0-x\r\n", "upstream"),
        (b"", "upstream"),
        (HEADER + b"Content-Length: 9\r\n\r\n{", "upstream"),
        (HEADER + b"\r\n{nonsense", "malformed"),
        (HEADER + b"\r\n" + b"[" * 100_000, "malformed"),
        (HEADER + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n{}", "upstream"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:40]),
)
def test_a_bad_upstream_costs_its_own_module_only(
    run: Callable[..., Any], upstream: Any, answer: Any, reason: str
) -> None:
    upstream.answers["/bad"] = answer
    upstream.json("/good", '{"v": 7}')
    # The good one has time enough, whatever else this machine does.
    good = module("good", upstream.url + "/good").replace("timeout: 1s", "timeout: 10s")
    exporter = run("modules:\n" + module("bad", upstream.url + "/bad") + good)
    began = time.monotonic()
    page = exporter.get()
    assert time.monotonic() - began < 6
    assert "good_value 7.0" in page and "bad_value" not in page
    assert 'obs_exporter_collection_success{module="bad"} 0.0' in page
    assert f'obs_exporter_collections_total{{module="bad",result="{reason}"}} 1.0' in page
    resident = exporter.value("process_resident_memory_bytes")
    assert resident is not None and resident < 250e6


def test_the_asking_side_s_timeout_is_kept(run: Callable[..., Any], upstream: Any) -> None:
    upstream.answers["/bad"] = silent
    slow = module("bad", upstream.url + "/bad").replace("timeout: 1s", "timeout: 60s")
    exporter = run("modules:\n" + slow)
    began = time.monotonic()
    exporter.get(**{"X-Prometheus-Scrape-Timeout-Seconds": "1"})
    assert time.monotonic() - began < 1


def test_two_scrapes_at_a_time_are_one_collection(run: Callable[..., Any], upstream: Any) -> None:
    def slowly(connection: socket.socket) -> None:
        time.sleep(0.5)
        connection.sendall(HEADER + b"Content-Length: 7\r\n\r\n" + b'{"v":1}')

    import concurrent.futures

    upstream.answers["/a"] = slowly
    exporter = run("modules:\n" + module("a", upstream.url + "/a"))
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        pages = list(pool.map(lambda _one: exporter.get(), range(5)))
    assert all("a_value 1.0" in page for page in pages)
    assert len(upstream.asked) == 1


def test_a_stale_result_is_not_served_as_fresh(run: Callable[..., Any], upstream: Any) -> None:
    upstream.json("/a", '{"v": 1}')
    more = "    interval: 100ms\n    max_age: 700ms\n"
    exporter = run("modules:\n" + module("a", upstream.url + "/a", more))
    end = time.monotonic() + 10
    while exporter.value("a_value") != 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert exporter.value("a_value") == 1
    upstream.answers["/a"] = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    while exporter.value("a_value") == 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert exporter.value("a_value") is None
    age = exporter.value('obs_exporter_collection_age_seconds{module="a"}')
    assert age is not None and age > 0.6
    assert exporter.value('obs_exporter_collection_max_age_seconds{module="a"}') == pytest.approx(0.7)


def test_a_python_collector_that_hangs_keeps_its_places_only(
    run: Callable[..., Any], upstream: Any, tmp_path: Any
) -> None:
    (tmp_path / "mine.py").write_text("import time\ndef hang():\n    time.sleep(3600)\n    yield\n")
    upstream.json("/good", '{"v": 7}')
    hanging = (
        f"plugin_paths: ['{tmp_path}']\nmodules:\n  hang:\n    kind: python\n    collector: 'mine:hang'\n"
        "    timeout: 300ms\n    concurrency: 2\n"
    )
    exporter = run(hanging + module("good", upstream.url + "/good"))
    for _scrape in range(4):
        assert exporter.value("good_value") == 7
    page = exporter.get()
    assert 'obs_exporter_collections_total{module="hang",result="timeout"} 2.0' in page
    assert 'obs_exporter_collections_total{module="hang",result="busy"}' in page
    assert exporter.stop() == 0


def test_no_secret_is_shown(run: Callable[..., Any], upstream: Any, tmp_path: Any) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cr3t-t0ken\n")

    def echo(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 s3cr3t-t0ken\r\nContent-Encoding: s3cr3t-t0ken\r\n\r\n{}")

    upstream.answers["/a"] = echo
    more = f"    bearer_token_file: {secret}\n"
    exporter = run("modules:\n" + module("a", upstream.url + "/a", more), "--log.level", "debug")
    page = exporter.get()
    assert any("authorization: bearer s3cr3t-t0ken" in one.lower() for one in upstream.asked)
    assert 'collection_success{module="a"} 0.0' in page
    exporter.stop()
    assert any("<secret>" in line for line in exporter.log)
    assert "s3cr3t" not in page + "".join(exporter.log)
