# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silences around a change, at the real Alertmanager and at none."""

from __future__ import annotations

import socket
import time
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._moments import seconds_at
from ansible_collections.obs.stack.plugins.module_utils._quiet import LINGER, longest, quiet

SILENCES = [
    [{"name": "job", "value": "toy", "isEqual": True, "isRegex": False}],
    [{"name": "proxy", "value": "toy|toys", "isEqual": True, "isRegex": True}],
]


def during(warnings: list[str], *urls: str, **more: t.Any) -> t.Any:
    deploy = {"host": "a", "alertmanagers": [{"url": url} for url in urls], "silences": {"toy": SILENCES}, **more}
    return quiet(deploy, service="toy", lasts=900, why="upgrade to 2", warn=warnings.append)


def closed() -> str:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:{0}".format(taken.getsockname()[1])


def left(silence: t.Mapping[str, t.Any]) -> float:
    return seconds_at(silence["endsAt"]) - time.time()


def test_they_are_there_while_it_lasts_and_end_soon_after(alertmanagers: t.Any) -> None:
    server, warnings = alertmanagers(), []
    with during(warnings, closed(), server.url):
        found = {one["comment"]: one for one in server.silences("active")}
        assert sorted(found) == ["upgrade to 2 [obs:deploy-toy-a-2]", "upgrade to 2 [obs:deploy-toy-a]"]
        assert all(890 < left(one) <= 900 for one in found.values())
        assert found["upgrade to 2 [obs:deploy-toy-a-2]"]["matchers"] == SILENCES[1]
    after = {one["id"]: one for one in server.silences("active")}
    # The same ones, in place, for as long as the alerts need to be over.
    assert sorted(after) == sorted(one["id"] for one in found.values())
    assert all(LINGER - 10 < left(one) <= LINGER for one in after.values())
    assert warnings == []


def test_a_change_that_fails_lifts_them_too(alertmanagers: t.Any) -> None:
    server, warnings = alertmanagers(), []
    with pytest.raises(StackError, match="did not get ready"), during(warnings, server.url):
        raise StackError("toy did not get ready")
    assert [left(one) <= LINGER for one in server.silences("active")] == [True, True] and warnings == []


def test_those_of_a_run_that_was_cut_off_are_taken_up(alertmanagers: t.Any) -> None:
    server, warnings = alertmanagers(), []
    cut_off = during(warnings, server.url)
    cut_off.__enter__()
    with during(warnings, server.url):
        assert len(server.silences("active")) == 2
    assert all(left(one) <= LINGER for one in server.silences("active")) and warnings == []


def test_no_answer_is_one_warning_and_no_failure() -> None:
    warnings: list[str] = []
    with during(warnings, closed()):
        pass
    (words,) = warnings
    assert words.startswith("Alerts of toy are not held back while it restarts. Could not read silences at http://")


def test_one_that_goes_away_meanwhile_is_a_warning_with_the_end(alertmanagers: t.Any) -> None:
    server, warnings = alertmanagers(), []
    with during(warnings, server.url):
        server.stop()
    (words,) = warnings
    assert words.startswith("The silence deploy-toy-a could not be lifted and ends at 20")


def test_nothing_is_asked_where_there_is_nothing_to_silence() -> None:
    warnings: list[str] = []
    for more in ({"silences": {}}, {"alertmanagers": []}, {"silences": {"other": SILENCES}}):
        with during(warnings, closed(), **more):
            pass
    assert warnings == []


def test_a_silence_outlasts_going_back() -> None:
    assert longest(300) > 2 * 300
