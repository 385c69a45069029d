# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import json
import threading
import typing as t
import urllib.parse

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._rule_server import server_of
from ansible_collections.obs.stack.plugins.modules import slo_info

ANSWERS = {
    "slo:objective:ratio": 0.99,
    "slo:error_budget:ratio": 0.01,
    "slo:time_period:days": 30,
    "slo:period_burn_rate:ratio": 0.25,
    "slo:sli_error:ratio_rate1h": 0.02,
}


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Answers instant queries with what a test put there, and notes when each was asked as of."""

    answers: t.ClassVar[dict[str, float]] = {}
    asked: t.ClassVar[dict[str, float]] = {}

    def do_GET(self) -> None:
        words = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.asked[words["query"]] = float(words["time"])
        value = self.answers.get(words["query"])
        metric = {"sloth_service": "shop", "sloth_slo": "up"}
        result = [] if value is None else [{"metric": metric, "value": [0, str(value)]}]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
        self.send_response(200 if self.path.startswith("/prefix/api/v1/query?") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: t.Any) -> None:
        pass


@pytest.fixture
def url() -> t.Iterator[str]:
    Prometheus.answers, Prometheus.asked = dict(ANSWERS), {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/prefix"
    server.shutdown()
    server.server_close()


def ask(url: str, month: str = "") -> list[t.Any]:
    options = {"root": "/nowhere", "service": "prometheus", "prometheus_url": url, "ca_path": "", "reload": "none"}
    options.update(url_username="", url_password="", validate_certs=True)
    return slo_info.found(server_of(options), "a", month)


def test_asks_and_reckons(url: str) -> None:
    (row,) = ask(url)
    assert (row.site, row.service, row.slo, row.budget_left, row.burn_rate) == ("a", "shop", "up", 0.75, 2)


def test_a_month_is_asked_as_of_its_end(url: str) -> None:
    Prometheus.answers["avg_over_time(slo:sli_error:ratio_rate5m[2678400s:5m])"] = 0.005
    (row,) = ask(url, "2025-10")
    assert (row.period, row.budget_left) == ("2025-10", 0.5)
    assert set(Prometheus.asked.values()) == {1761955200.0}


def test_an_answer_that_is_none_is_named(url: str) -> None:
    with pytest.raises(StackError, match="HTTP 404"):
        ask(url.replace("prefix", "elsewhere"))
