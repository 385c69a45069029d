# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module deploy_marker: a Pushgateway, a small one and the real one, a file, and Grafana."""

from __future__ import annotations

import base64
import datetime
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time
import typing as t
import urllib.parse
import urllib.request

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _deploy
from ansible_collections.obs.stack.plugins.modules import deploy_marker
from ansible_collections.obs.stack.tests.unit.programs import program

PUSHGATEWAY = program("pushgateway", "pushgateway", "prometheus-pushgateway")
NOW = 1790000000
DOCS = pathlib.Path(__file__).parents[4] / "docs" / "deploys.md"


class SmallGateway:
    """What a Pushgateway does, as far as it matters here: a text for each group."""

    def __init__(self) -> None:
        outer = self
        self.groups: dict[str, str] = {}
        self.headers: t.Any = None
        self.status = 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.headers = self.headers
                outer.groups[self.path.replace("/push/metrics", "")] = text
                self.answer("")

            def do_GET(self) -> None:
                lines = []
                for path, text in outer.groups.items():
                    parts = path.split("/")[1:]
                    pairs = zip(parts[::2], parts[1::2])
                    known = ['{0}="{1}"'.format(name, urllib.parse.unquote(value)) for name, value in pairs]
                    known.append('instance=""')
                    for line in text.splitlines():
                        name, brace, rest = line.partition("{")
                        if brace:
                            lines.append(name + "{" + ",".join(known) + "," + rest)
                        elif not line.startswith("#"):
                            lines.append(line.replace(" ", "{" + ",".join(known) + "} "))
                self.answer("\n".join(lines))

            def answer(self, text: str) -> None:
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments: t.Any) -> None:
                """Nothing."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:{0}/push".format(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RealGateway:
    """A Pushgateway of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.url = "http://127.0.0.1:{0}/push".format(port)
        arguments = ["--web.listen-address=127.0.0.1:{0}".format(port), "--web.route-prefix=/push"]
        arguments.append("--persistence.file=")
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen([str(PUSHGATEWAY), *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(self.url + "/-/ready", timeout=5):
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "log").read_text()) from None
                time.sleep(0.05)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(params=["small", "real"])
def gateway(request: t.Any, tmp_path: pathlib.Path) -> t.Iterator[t.Any]:
    """A Pushgateway."""
    if request.param == "real" and PUSHGATEWAY is None:
        pytest.skip("no pushgateway on the PATH nor in the artifact store")
    one = SmallGateway() if request.param == "small" else RealGateway(tmp_path)
    yield one
    one.close()


@pytest.fixture
def small() -> t.Iterator[SmallGateway]:
    """The small one."""
    one = SmallGateway()
    yield one
    one.close()


def shown(gateway: t.Any, metric: str = _deploy.METRIC) -> list[tuple[dict[str, str], float]]:
    """The metric as it shows it to Prometheus."""
    with urllib.request.urlopen(gateway.url + "/metrics", timeout=5) as answer:
        return _deploy.samples(answer.read().decode(), metric)


@pytest.fixture
def tell(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    """Runs the module a minute after the last time."""
    clock = {"now": NOW}
    monkeypatch.delenv("GRAFANA_URL", raising=False)
    monkeypatch.setattr(deploy_marker.time, "time", lambda: float(clock["now"]))

    def run(**options: t.Any) -> dict[str, t.Any]:
        clock["now"] += 60
        return t.cast("dict[str, t.Any]", run_module(deploy_marker, **{"service": "shop", "version": "1", **options}))

    return run


def test_pushgateway_holds_the_last_deploy_of_each_environment(gateway: t.Any, tell: t.Any) -> None:
    common = {"pushgateway_url": gateway.url, "environment": "production"}
    predicted = tell(**common, check_mode=True)
    assert predicted["changed"] and predicted["told"] == ["pushgateway"] and not shown(gateway)
    first = tell(**common)
    assert first["changed"] and first["deploy"]["time"] == NOW + 120
    again = tell(**common)
    assert not again["changed"] and again["told"] == [] and again["deploy"] == first["deploy"]
    assert again["diff"]["before"] == again["diff"]["after"]
    # Another commit, then the first one again: each is a deploy, at its time.
    tell(**common, commit="0a1b2c3d4e5f")
    back = tell(**common)
    assert back["diff"]["before"]["pushgateway"]["commit"] == "0a1b2c3d4e5f" and back["deploy"]["time"] == NOW + 300
    tell(pushgateway_url=gateway.url, environment="staging", version="2")
    tell(pushgateway_url=gateway.url, version="3")
    told = {labels.get("environment", ""): (labels["version"], value) for labels, value in shown(gateway)}
    assert told == {"production": ("1", NOW + 300), "staging": ("2", NOW + 360), "": ("3", NOW + 420)}
    assert not tell(**common)["changed"]


def test_the_same_version_once_more_is_told_with_its_time(gateway: t.Any, tell: t.Any) -> None:
    tell(pushgateway_url=gateway.url)
    more = {"pushgateway_url": gateway.url, "time": "2026-09-22T00:00:00Z"}
    assert tell(**more)["deploy"]["at"] == "2026-09-22T00:00:00Z"
    assert not tell(**more)["changed"] and not tell(pushgateway_url=gateway.url)["changed"]


@pytest.mark.parametrize("gateway", ["real"], indirect=True)
def test_awkward_names_come_back_as_they_were(gateway: t.Any, tell: t.Any) -> None:
    names = {"service": "team/shop ä", "version": 'v"1\\', "environment": "pro d+1%"}
    tell(**names, pushgateway_url=gateway.url)
    assert not tell(**names, pushgateway_url=gateway.url)["changed"]
    ((labels, _value),) = shown(gateway)
    assert (labels["service"], labels["environment"]) == (names["service"], names["environment"])


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_line_for_any_ci_tells_the_same(gateway: t.Any, tell: t.Any) -> None:
    (line,) = re.findall(r"^```sh\n(cat <<EOF \| curl .*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    line = line.replace("http://push.example.com:9091", gateway.url)
    environment = {**os.environ, "VERSION": "1.4.2", "COMMIT": "0a1b2c3", "no_proxy": "*"}
    tell(pushgateway_url=gateway.url, version="1.4.1", environment="production")
    done = subprocess.run(["bash", "-ec", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {labels["version"]: value for labels, value in shown(gateway)}
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    assert set(found) == {"1.4.2"} and abs(found["1.4.2"] - now) < 60
    labels = {"job": "deploy", "service": "shop", "environment": "production", "instance": ""}
    assert shown(gateway, "push_max_age_seconds") == [(labels, 0)]
    told = tell(pushgateway_url=gateway.url, version="1.4.2", commit="0a1b2c3", environment="production")
    assert not told["changed"] and told["deploy"]["time"] == found["1.4.2"]


def test_file_for_node_exporter(tell: t.Any, tmp_path: pathlib.Path) -> None:
    assert tell(textfile_dir=str(tmp_path), check_mode=True)["changed"] and not list(tmp_path.iterdir())
    names = {"service": "a/b", "environment": "x", "version": "1.10", "commit": 'c"'}
    first = tell(**names, textfile_dir=str(tmp_path))
    assert first["told"] == ["textfile"] and not tell(**names, textfile_dir=str(tmp_path))["changed"]
    tell(**{**names, "environment": ""}, textfile_dir=str(tmp_path))
    path = tmp_path / "deploy_a%2Fb@x.prom"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["deploy_a%2Fb.prom", path.name]
    labels = '{service="a/b",environment="x",version="1.10",commit="c\\""}'
    assert path.read_text().splitlines()[-1] == "deploy_timestamp_seconds" + labels + " {0}".format(NOW + 120)
    assert path.stat().st_mode & 0o777 == 0o644


def test_folder_that_is_not_there_is_told(tell: t.Any, tmp_path: pathlib.Path) -> None:
    told = tell(textfile_dir=str(tmp_path / "none"))
    assert told["failed"] and "there is no such folder" in told["msg"] and told["told"] == []


GRAFANA = {"url": "http://grafana:3000", "token": "canary-token"}
SEARCH = "GET /api/annotations?tags=deploy&tags=service%3Ashop&type=annotation&limit=100"


def marker(seconds: int, *tags: str, number: int = 1) -> dict[str, t.Any]:
    """A marker as Grafana tells it."""
    stamp = seconds * 1000
    return {"id": number, "text": "shop", "tags": ["deploy", "service:shop", *tags], "time": stamp, "timeEnd": stamp}


def test_grafana_gets_one_marker_for_each_deploy(tell: t.Any, grafana: t.Any) -> None:
    grafana.on(SEARCH, [marker(NOW, "version:1", "environment:staging")])
    grafana.on("GET /api/annotations", [])
    grafana.on("POST /api/annotations", {"id": 3})
    told = tell(**GRAFANA, commit="0a1b2c3d4e5f")
    assert told["told"] == ["grafana"]
    tags = ["commit:0a1b2c3d4e5f", "deploy", "key:deploy-shop-{0}".format(NOW + 60), "service:shop", "version:1"]
    when = (NOW + 60) * 1000
    body = {"text": "shop 1 (0a1b2c3d4e) deployed", "tags": tags, "time": when, "timeEnd": when}
    assert grafana.written == [("POST /api/annotations", body)]
    # The next run finds it.
    made = {**body, "id": 3}
    grafana.on(SEARCH, [made, marker(NOW, "version:2")])
    grafana.on("GET /api/annotations", [made])
    again = tell(**GRAFANA, commit="0a1b2c3d4e5f")
    assert not again["changed"] and again["deploy"]["time"] == NOW + 60
    # What it says may change; what was deployed and when does not.
    grafana.on("PUT /api/annotations/3", {})
    assert tell(**GRAFANA, commit="0a1b2c3d4e5f", text="by run 7")["changed"]
    assert grafana.written[-1][1]["text"] == "by run 7" and "canary" not in json.dumps(again)


def test_an_older_version_is_a_deploy_too(tell: t.Any, grafana: t.Any) -> None:
    grafana.on(SEARCH, [marker(NOW, "version:2", number=2), marker(NOW - 9, "version:1")])
    grafana.on("GET /api/annotations", [])
    grafana.on("POST /api/annotations", {"id": 3})
    assert tell(**GRAFANA, version="1")["deploy"]["time"] == NOW + 60


def test_marker_that_ci_made_is_left(tell: t.Any, grafana: t.Any) -> None:
    grafana.on(SEARCH, [marker(NOW, "version:1")])
    told = tell(**GRAFANA)
    assert not told["changed"] and told["deploy"]["time"] == NOW and not grafana.written


def test_a_place_that_did_not_learn_of_it_is_told_the_first_ones_time(
    small: SmallGateway, tell: t.Any, grafana: t.Any
) -> None:
    common = {**GRAFANA, "pushgateway_url": small.url}
    grafana.on(SEARCH, [])
    grafana.on("GET /api/annotations", [])
    grafana.on("POST /api/annotations", (500, {"message": "full"}))
    failed = tell(**common)
    assert failed["failed"] and failed["told"] == ["pushgateway"] and "full" in failed["msg"]
    grafana.on("POST /api/annotations", {"id": 3})
    told = tell(**common)
    assert told["told"] == ["grafana"] and grafana.written[-1][1]["time"] == (NOW + 60) * 1000


def test_a_place_that_knows_only_what_was_before_says_nothing_of_now(
    small: SmallGateway, tell: t.Any, grafana: t.Any
) -> None:
    tell(pushgateway_url=small.url, version="2")
    grafana.on(SEARCH, [marker(NOW - 999, "version:1")])
    grafana.on("GET /api/annotations", [])
    grafana.on("POST /api/annotations", {"id": 3})
    told = tell(**GRAFANA, pushgateway_url=small.url, version="1")
    assert told["deploy"]["time"] == NOW + 120 and told["told"] == ["pushgateway", "grafana"]


def test_gateway_is_asked_with_its_own_credentials(small: SmallGateway, tell: t.Any, grafana: t.Any) -> None:
    grafana.on(SEARCH, [])
    grafana.on("GET /api/annotations", [])
    grafana.on("POST /api/annotations", {"id": 3})
    who = {"pushgateway_username": "ci", "pushgateway_password": "canary-1"}
    told = tell(**GRAFANA, **who, pushgateway_url=small.url)
    pair = base64.b64encode(b"ci:canary-1").decode()
    assert small.headers["Authorization"] == "Basic " + pair and "canary" not in json.dumps(told)


def test_gateway_that_refuses_is_told(small: SmallGateway, tell: t.Any) -> None:
    small.status = 401
    message = tell(pushgateway_url=small.url)["msg"]
    assert message.startswith("Could not read the deploys at " + small.url + ": HTTP 401")
    small.close()
    assert "refused" in tell(pushgateway_url=small.url)["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "there is nobody to tell"),
        ({"version": " ", "textfile_dir": "/x"}, "version is empty"),
        ({"service": "", "textfile_dir": "/x"}, "service is empty"),
        ({"time": "noon", "textfile_dir": "/x"}, "Could not use 'noon' as time"),
        ({"pushgateway_url": "push:9091"}, "Could not use pushgateway_url"),
        ({"token": "canary"}, "no url"),
    ],
)
def test_wrong_input_is_told(tell: t.Any, options: dict[str, t.Any], words: str) -> None:
    told = tell(**options)
    assert told["failed"] and words in told["msg"] and "canary" not in told["msg"]


def test_grafana_of_the_environment_is_told(tell: t.Any, grafana: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_URL", "http://grafana:3000")
    monkeypatch.setenv("GRAFANA_TOKEN", "canary-token")
    grafana.on(SEARCH, [])
    grafana.on("GET /api/annotations", [])
    assert tell(check_mode=True)["told"] == ["grafana"]
