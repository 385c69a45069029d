# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_grafana_api_client, _grafana_api_errors, _grafana_api_options: who is asked how, what is told of a refusal."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
import typing as t
import urllib.error

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import (
    Access,
    Answer,
    Client,
    may_repeat,
    unreached,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_errors import (
    Errand,
    GrafanaError,
    Refusal,
    hint_of,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import access_of

READ = Errand("read", "dashboard", "Shop")
REFUSED = urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))


def client(*answers: t.Any, **access: t.Any) -> tuple[Client, list[tuple[str, str]], list[float]]:
    """A client whose requests are answered in turn; what it sent, and how long it waited."""
    waiting, sent, waited = list(answers), [], []

    def send(method: str, target: str, data: bytes | None) -> Answer:
        sent.append((method, target))
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    asked = Access(**{"url": "http://grafana:3000", "token": "canary-token", **access})
    return Client(asked, send=send, sleep=waited.append), sent, waited


def answer(status: int, document: t.Any = None, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(document).encode() if document is not None else body)


def test_who_asks() -> None:
    assert Access("http://x", token="t").headers()["Authorization"] == "Bearer t"
    assert Access("http://x", "ä", "p").headers()["Authorization"] == "Basic w6Q6cA=="
    assert Access("http://x", org_id=3).headers()["X-Grafana-Org-Id"] == "3"
    assert "Authorization" not in Access("http://x").headers()


def test_question_and_its_answer() -> None:
    asked, sent, _waited = client(answer(200, {"a": 1}), answer(404, {"message": "no"}), answer(200, body=b""))
    assert asked.get("/api/x", READ, query={"a": "b c"}) == {"a": 1}
    assert asked.get("/api/x", READ, absent=(404,)) is None
    assert asked.delete("/api/x", READ) is None
    assert sent[0] == ("GET", "http://grafana:3000/api/x?a=b+c")


@pytest.mark.parametrize(
    ("document", "said", "slug"),
    [
        ({"message": "Dashboard not found"}, "Dashboard not found", ""),
        ({"message": "x", "status": "version-mismatch"}, "x", "version-mismatch"),
        ({"messageId": "api-key.expired", "message": "Expired\n key"}, "Expired key", "api-key.expired"),
        ({"title": "Access denied", "accessErrorId": "ACE1"}, "Access denied", ""),
        ({"kind": "Status", "reason": "NotFound", "message": "gone", "code": 404}, "gone", "NotFound"),
    ],
)
def test_each_shape_of_an_error(document: dict[str, t.Any], said: str, slug: str) -> None:
    asked, _sent, _waited = client(answer(400, document))
    with pytest.raises(Refusal) as caught:
        asked.get("/api/x", READ)
    assert (caught.value.said, caught.value.slug, caught.value.status) == (said, slug, 400)
    told = str(caught.value)
    assert told.startswith("Could not read dashboard 'Shop' at http://grafana:3000: HTTP 400 " + said)
    assert told.endswith("See docs/troubleshooting.md#grafana-api.")


def test_secrets_are_not_in_what_is_told() -> None:
    asked, _sent, _waited = client(answer(400, {"message": "bad canary-token"}))
    with pytest.raises(Refusal) as caught:
        asked.get("/api/x", READ)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(200, body=b"<html><title> Sign in </title>"), "HTTP 200 with an HTML page instead of JSON (Sign in)"),
        (answer(200, body=b'{"a": '), "HTTP 200 with a body that is no JSON"),
        (answer(404, body=b"<html>"), "HTTP 404 with an HTML page"),
        (answer(302, location="https://login.example.com/x?secret"), "HTTP 302 it leads to https://login.example.com/x."),
    ],
)
def test_what_is_not_grafana(given: Answer, said: str) -> None:
    asked, _sent, _waited = client(given)
    with pytest.raises(GrafanaError) as caught:
        asked.get("/api/x", READ, absent=(404,))
    assert said in str(caught.value)


def test_questions_are_asked_again_and_writes_are_not() -> None:
    asked, sent, waited = client(answer(503, {}), REFUSED, http.client.RemoteDisconnected(), answer(200, {}))
    assert asked.get("/api/x", READ) == {} and waited == [0.5, 1.0, 2.0] and len(sent) == 4
    asked, sent, _waited = client(answer(503, {}))
    with pytest.raises(Refusal):
        asked.post("/api/x", {}, READ)
    asked, sent, _waited = client(http.client.RemoteDisconnected())
    with pytest.raises(GrafanaError):
        asked.put("/api/x", {}, READ)
    assert len(sent) == 1


def test_write_that_was_not_taken_in_is_sent_again() -> None:
    limited = Answer(429, {"retry-after": "7"}, b"{}")
    asked, _sent, waited = client(REFUSED, limited, answer(200, {"id": 1}))
    assert asked.post("/api/x", {}, READ) == {"id": 1} and waited == [0.5, 7.0]


def test_it_gives_up() -> None:
    asked, sent, _waited = client(*[answer(502, body=b"")] * 4)
    with pytest.raises(Refusal) as caught:
        asked.get("/api/x", READ)
    assert len(sent) == 4 and "HTTP 502" in str(caught.value) and "look at its log" in str(caught.value)


@pytest.mark.parametrize(
    ("method", "error", "may"),
    [
        ("POST", REFUSED, True),
        ("GET", ConnectionResetError(), True),
        ("POST", ConnectionResetError(), False),
        ("GET", socket.timeout(), False),
        ("GET", urllib.error.URLError(ssl.SSLError(1, "x")), False),
        ("GET", urllib.error.URLError(socket.gaierror(-2, "x")), False),
        ("GET", http.client.IncompleteRead(b"a"), True),
        ("DELETE", http.client.IncompleteRead(b"a"), False),
    ],
)
def test_what_may_be_sent_again(method: str, error: Exception, may: bool) -> None:
    assert may_repeat(method, error) is may


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (REFUSED, "refused: nothing listens there"),
        (socket.timeout(), "no answer in 5 s"),
        (urllib.error.URLError(socket.gaierror(-2, "not known")), "the name does not resolve: not known"),
        (http.client.IncompleteRead(b"abc"), "the answer was cut off after 3 bytes"),
        (http.client.RemoteDisconnected(), "the connection was closed without an answer"),
        (FileNotFoundError(2, "no such file", "/etc/ca.pem"), "/etc/ca.pem is not there"),
        (ssl.SSLError(1, "wrong version"), "TLS failed"),
    ],
)
def test_why_nothing_answered(error: Exception, said: str) -> None:
    why, hint = unreached(error, 5.0)
    assert said in why and hint


def test_hints() -> None:
    assert "five minutes" in hint_of(401, "login-attempt.blocked")
    assert "grafana_folder" in hint_of(400, "", "folder not found")
    assert "file of provisioning" in hint_of(400, "", "Cannot save provisioned dashboard")
    assert hint_of(418) == ""


def test_organisation_is_named_with_each_request() -> None:
    asked, _sent, _waited = client(answer(200, {"id": 4}))
    assert asked.org_id() == 4 and asked.org_id() == 4
    assert asked.in_org(9).access.org_id == 9 and asked.in_org(9).org_id() == 9


def test_options_win_over_the_environment() -> None:
    environment = {"GRAFANA_URL": "http://env:1/", "GRAFANA_TOKEN": "of-env\n"}
    found = access_of({}, environment)
    assert (found.url, found.token) == ("http://env:1", "of-env")
    found = access_of({"url": "https://x/sub/", "url_username": "me", "url_password": "p"}, environment)
    assert (found.url, found.token, found.username) == ("https://x/sub", "", "me")
    with pytest.raises(StackError, match="no url"):
        access_of({}, {})
