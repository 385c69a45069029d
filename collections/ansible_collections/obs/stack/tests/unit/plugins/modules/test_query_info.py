# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module query_info: what is asked, and how parts of an answer become one."""

from __future__ import annotations

import pathlib
import typing as t
import urllib.parse

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.modules import query_info

RunModule = t.Callable[..., t.Dict[str, t.Any]]  # noqa: UP006  evaluated: Python 3.8


class Endpoint:
    def get(self, path: str, timeout: float) -> tuple[int, bytes]:
        return 200, b""


class Server:
    endpoint, prefix = Endpoint(), "/p"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Paths and parameters that were asked for."""
    found: list[tuple[str, dict[str, str]]] = []

    def answer(server: t.Any, path: str) -> t.Any:
        where, _mark, query = path.partition("?")
        values = {key: value[0] for key, value in urllib.parse.parse_qs(query).items()}
        found.append((where, values))
        if values["query"] == "broken":
            raise StackError("Could not ask", why="HTTP 400 parse error")
        if values["query"] == "1":
            return {"resultType": "scalar", "result": [0, "1"]}
        return {"resultType": "matrix", "result": [{"metric": {"a": "b"}, "values": [[values.get("start"), "1"]]}]}

    monkeypatch.setattr(query_info, "server_of", lambda options: Server())
    monkeypatch.setattr(query_info, "answer", answer)
    return found


def test_a_query_that_is_refused_is_an_answer(run_module: RunModule, asked: list[t.Any]) -> None:
    answers = run_module(query_info, queries=["up", "broken", "1"], end=100)["answers"]
    assert [one["error"] for one in answers] == ["", "HTTP 400 parse error", ""]
    assert answers[2]["result"] == [{"metric": {}, "value": [0, "1"]}]
    assert asked[0] == ("/api/v1/query", {"query": "up", "time": "100.000"})


def test_a_long_range_is_asked_in_parts_and_is_one(run_module: RunModule, asked: list[t.Any]) -> None:
    step, count = 60, query_info.POINTS
    end = 60.0 + step * count  # one point more than goes in one answer
    (answer,) = run_module(query_info, queries=["up"], start=60, end=end, step=step)["answers"]
    assert [(one["start"], one["end"]) for _where, one in asked] == [
        ("60.000", f"{end - step:.3f}"),
        (f"{end:.3f}", f"{end:.3f}"),
    ]
    assert len(answer["result"]) == 1 and len(answer["result"][0]["values"]) == 2


def test_loki_is_asked_for_the_last_hour(run_module: RunModule, asked: list[t.Any]) -> None:
    run_module(query_info, service="loki", queries=["{}"], end=7200, limit=5)
    wanted = {"query": "{}", "start": "3600.000", "end": "7200.000", "limit": "5"}
    assert asked == [("/loki/api/v1/query_range", wanted)]


def test_nobody_to_ask_is_a_failure(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    result = run_module(query_info, queries=["up"], root=str(tmp_path))
    assert result["failed"] and "no service of release_service" in result["msg"]
