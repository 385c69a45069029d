# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module alertmanager_silence, against the real Alertmanager, and against servers that are not well."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import pathlib
import threading
import time
import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils._moments import stamp
from ansible_collections.obs.stack.plugins.modules import alertmanager_silence

MATCHERS = [{"name": "job", "value": "shop"}, {"name": "alertname", "value": "Up|Down", "isRegex": True}]
WHOLE = [
    {"name": "alertname", "value": "Up|Down", "isEqual": True, "isRegex": True},
    {"name": "job", "value": "shop", "isEqual": True, "isRegex": False},
]


@pytest.fixture
def silence(run_module: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    """Runs the module."""

    def run(*urls: str, **options: t.Any) -> dict[str, t.Any]:
        given = {"alertmanager_urls": urls, "name": "upgrade", **options}
        if given.get("state") != "absent":
            given = {"matchers": MATCHERS, **given}
            if "ends_at" not in given:
                given = {"duration": "1h", **given}
        return t.cast("dict[str, t.Any]", run_module(alertmanager_silence, **given))

    return run


@pytest.fixture
def settles(silence: t.Any) -> t.Callable[..., dict[str, t.Any]]:
    """Runs it in check mode, for real and again: it predicts what it does, and does it once."""

    def run(*urls: str, **options: t.Any) -> dict[str, t.Any]:
        predicted = silence(*urls, check_mode=True, **options)
        done = silence(*urls, **options)
        again = silence(*urls, **options)
        assert not done["failed"], done["msg"]
        assert predicted["changed"] == done["changed"]
        for side in ("before", "after"):
            assert predicted["diff"][side].keys() == done["diff"][side].keys()
            for key in set(done["diff"][side]) - {"starts_at", "ends_at"}:
                assert predicted["diff"][side][key] == done["diff"][side][key]
        assert not again["changed"], again["diff"]
        return done

    return run


def test_it_is_made_once_extended_in_place_and_lifted(alertmanagers: t.Any, settles: t.Any) -> None:
    server = alertmanagers()
    made = settles(server.url, comment="Upgrade to 17", created_by="ci")
    assert made["changed"] and made["url"] == server.url and made["diff"]["before"] == {}
    (found,) = server.silences()
    assert (found["comment"], found["createdBy"]) == ("Upgrade to 17 [obs:upgrade]", "ci")
    assert sorted(found["matchers"], key=lambda one: one["name"]) == WHOLE
    assert made["silence"] == {
        "id": found["id"],
        "name": "upgrade",
        "state": "active",
        "matchers": WHOLE,
        "starts_at": found["startsAt"],
        "ends_at": found["endsAt"],
        "comment": "Upgrade to 17 [obs:upgrade]",
        "created_by": "ci",
    }
    # Longer, in another order and with other words: the same one, in place.
    longer = settles(server.url, matchers=MATCHERS[::-1], duration="3h", comment="Still", created_by="ci")
    assert longer["changed"] and longer["silence"]["id"] == found["id"]
    assert longer["silence"]["ends_at"] > made["silence"]["ends_at"] and len(server.silences()) == 1
    lifted = settles(server.url, state="absent")
    assert lifted["changed"] and lifted["silence"]["state"] == "expired" and lifted["diff"]["after"] == {}
    assert not server.silences("active", "pending")
    # A new one, not the old one again.
    assert settles(server.url)["silence"]["id"] != found["id"]


def test_check_mode_changes_nothing(alertmanagers: t.Any, silence: t.Any) -> None:
    server = alertmanagers()
    told = silence(server.url, check_mode=True)
    assert told["changed"] and (told["silence"]["id"], told["silence"]["state"]) == ("", "active")
    assert not server.silences()
    silence(server.url)
    assert silence(server.url, state="absent", check_mode=True)["changed"]
    assert len(server.silences("active")) == 1


def test_it_is_renewed_when_little_is_left_and_shortened(alertmanagers: t.Any, silence: t.Any) -> None:
    server = alertmanagers()
    first = silence(server.url, duration="30m")["silence"]
    kept = silence(server.url, duration="40m", renew_before="25m")
    assert not kept["changed"] and kept["silence"]["ends_at"] == first["ends_at"]
    renewed = silence(server.url, duration="40m", renew_before="35m")
    assert renewed["changed"] and renewed["silence"]["id"] == first["id"]
    assert renewed["silence"]["ends_at"] > first["ends_at"]
    shorter = silence(server.url, duration="10m")
    assert shorter["changed"] and shorter["silence"]["ends_at"] < first["ends_at"]


def test_matchers_in_another_order_are_the_same(alertmanagers: t.Any, settles: t.Any) -> None:
    server = alertmanagers()
    now = time.time()
    body = {"matchers": WHOLE[::-1], "startsAt": stamp(now), "endsAt": stamp(now + 600), "createdBy": "obs.stack"}
    identity = server.ask("POST", "/api/v2/silences", {**body, "comment": "[obs:upgrade]"})["silenceID"]
    assert settles(server.url)["changed"]
    assert [one["id"] for one in server.silences()] == [identity]


def test_other_matchers_take_the_place_of_the_first(alertmanagers: t.Any, settles: t.Any) -> None:
    server = alertmanagers()
    first = settles(server.url)["silence"]
    other = settles(server.url, matchers=[{"name": "job", "value": "shop", "isEqual": False}])["silence"]
    assert other["id"] != first["id"]
    assert [one["id"] for one in server.silences("active")] == [other["id"]]


def test_what_somebody_else_made_is_left_and_copies_go(alertmanagers: t.Any, silence: t.Any) -> None:
    server = alertmanagers()
    now = time.time()
    for comment in ("by hand", "upgrade", "[obs:upgrade-2]", "a copy [obs:upgrade]", "another [obs:upgrade]"):
        body = {"matchers": WHOLE, "startsAt": stamp(now), "endsAt": stamp(now + 3600), "createdBy": "x"}
        server.ask("POST", "/api/v2/silences", {**body, "comment": comment})
    told = silence(server.url)
    assert told["diff"]["before"]["copies"] == 1 and told["diff"]["after"]["copies"] == 0
    assert not silence(server.url)["changed"]
    left = {one["comment"] for one in server.silences("active")}
    assert left == {"by hand", "upgrade", "[obs:upgrade-2]", "[obs:upgrade]"}
    silence(server.url, state="absent")
    assert {one["comment"] for one in server.silences("active")} == {"by hand", "upgrade", "[obs:upgrade-2]"}
    assert silence(server.url, state="absent")["silence"] == {}


def test_window_is_made_moved_and_passes(
    alertmanagers: t.Any, settles: t.Any, silence: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = alertmanagers()
    now = int(time.time())
    made = settles(server.url, starts_at=str(now + 600), ends_at=stamp(now + 1200))["silence"]
    assert made["state"] == "pending"
    assert (made["starts_at"], made["ends_at"]) == (stamp(now + 600), stamp(now + 1200))
    moved = settles(server.url, starts_at=stamp(now + 900), ends_at=stamp(now + 1200))["silence"]
    assert [one["startsAt"] for one in server.silences("pending")] == [moved["starts_at"]] == [stamp(now + 900)]
    # Its start has passed: it began when it was made, and stays.
    begun = settles(server.url, starts_at=stamp(now - 900), ends_at=stamp(now + 1200))["silence"]
    assert begun["state"] == "active" and len(server.silences("active", "pending")) == 1
    warned: list[str] = []
    monkeypatch.setattr(alertmanager_silence.AnsibleModule, "warn", lambda _self, text: warned.append(text))
    over = silence(server.url, starts_at=stamp(now - 900), ends_at=stamp(now - 1))
    assert over["changed"] and warned == ["Silence 'upgrade' was not made: its window has passed."]
    assert not server.silences("active", "pending")
    assert not silence(server.url, starts_at=stamp(now - 900), ends_at=stamp(now - 1))["changed"]


def test_members_are_tried_in_turn_and_tell_each_other(alertmanagers: t.Any, silence: t.Any) -> None:
    first = alertmanagers()
    second = alertmanagers(first)
    made = silence(first.url, second.url)
    assert made["url"] == first.url
    deadline = time.monotonic() + 30
    while not second.silences("active"):
        assert time.monotonic() < deadline, "the second member was not told"
        time.sleep(0.05)
    first.stop()
    lifted = silence(first.url, second.url, state="absent")
    assert lifted["changed"] and lifted["url"] == second.url
    assert not second.silences("active")
    second.stop()
    message = silence(first.url, second.url)["msg"]
    assert message.startswith("Could not read silences of any Alertmanager: " + first.url)
    assert second.url in message and "refused" in message


def test_what_alertmanager_refuses_is_told_in_its_words(alertmanagers: t.Any, silence: t.Any) -> None:
    server = alertmanagers()
    message = silence(server.url, matchers=[{"name": "job", "value": "(", "isRegex": True}])["msg"]
    assert message.startswith("Could not make silence 'upgrade' at {0}: HTTP 400 ".format(server.url))
    assert "missing closing )" in message and "troubleshooting.md#silence" in message
    assert "HTTP 404" in silence(server.url[:-3])["msg"] and "its prefix" in silence(server.url[:-3])["msg"]


def certificate(path: pathlib.Path) -> str:
    """A file with a key and a certificate of 127.0.0.1 that is its own authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kinds = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*kinds) + made.public_bytes(serialization.Encoding.PEM))
    return str(path)


def test_alertmanager_with_tls_a_password_and_certificates_to_show(
    alertmanagers: t.Any, silence: t.Any, tmp_path: pathlib.Path
) -> None:
    pytest.importorskip("cryptography")
    bcrypt = pytest.importorskip("bcrypt")
    server, ours = certificate(tmp_path / "server.pem"), certificate(tmp_path / "ours.pem")
    tls = {"cert_file": server, "key_file": server, "client_auth_type": "RequireAndVerifyClientCert"}
    # So few rounds that nobody waits for it.
    users = {"ci": bcrypt.hashpw(b"canary-1", bcrypt.gensalt(4)).decode()}
    web = {"tls_server_config": {**tls, "client_ca_file": ours}, "basic_auth_users": users}
    there = alertmanagers(web=json.dumps(web)).url
    whole = {"ca_path": server, "client_cert": ours, "url_username": "ci", "url_password": "canary-1"}
    assert silence(there, **whole)["silence"]["state"] == "active"
    assert silence(there, **{**whole, "validate_certs": False, "ca_path": ours}, state="absent")["changed"]
    for change, words in (
        ({"ca_path": ours}, "certificate verify failed"),
        # It says why, or just hangs up.
        ({"client_cert": ""}, "Could not read silences at " + there),
        ({"url_password": "wrong"}, "HTTP 401 Unauthorized"),
    ):
        told = silence(there, **{**whole, **change})
        assert told["failed"] and words.lower() in told["msg"].lower(), told["msg"]


class Door:
    """A server that answers all requests with one status and body, and keeps what it was asked."""

    def __init__(self, status: int = 200, body: bytes = b"[]") -> None:
        outer = self
        self.asked: list[t.Any] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET

            def log_message(self, *arguments: t.Any) -> None:
                """Nothing."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:{0}".format(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def door() -> t.Iterator[t.Callable[..., Door]]:
    """Call to open one."""
    opened: list[Door] = []

    def start(*how: t.Any) -> Door:
        opened.append(Door(*how))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, b"Unauthorized"), "HTTP 401 Unauthorized"),
        ((302, b""), "HTTP 302"),
        ((404, b"<html>gone</html>"), "HTTP 404 with an HTML page"),
        ((200, b"<html>"), "the answer is no JSON"),
        ((200, b"{}"), "the answer is no list"),
        ((500, b'"boom"'), "HTTP 500 boom"),
    ],
)
def test_refusal_is_told_in_one_line(door: t.Any, silence: t.Any, answer: t.Any, words: str) -> None:
    server = door(*answer)
    message = silence(server.url)["msg"]
    assert message.startswith("Could not read silences at " + server.url) and words in message.splitlines()[0]


def test_a_member_that_is_not_well_is_passed_over_and_one_that_says_no_is_not(door: t.Any, silence: t.Any) -> None:
    ill, well, shut = door(503, b"busy"), door(), door(401, b"")
    assert silence(ill.url, well.url, state="absent")["url"] == well.url
    assert "HTTP 401" in silence(shut.url, well.url, state="absent")["msg"]


def test_credentials_reach_the_server_and_nothing_else(door: t.Any, silence: t.Any) -> None:
    server = door()
    told = silence(server.url, state="absent", url_username="ci", url_password="canary-1")
    pair = base64.b64encode(b"ci:canary-1").decode()
    assert server.asked[-1]["Authorization"] == "Basic " + pair
    told = [told, silence(server.url, state="absent", bearer_token="canary-2")]
    assert server.asked[-1]["Authorization"] == "Bearer canary-2"
    shut = door(403, b"")
    told.append(silence(shut.url, url_username="ci", url_password="canary-1"))
    assert told[-1]["failed"] and "canary" not in json.dumps(told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "a[b"}, "it is empty, or holds a bracket"),
        ({"name": " "}, "it is empty"),
        ({"duration": "soon"}, "Could not use 'soon' as duration"),
        ({"duration": "1h", "renew_before": "1h"}, "not shorter than duration"),
        ({"starts_at": "noon", "ends_at": "1790000000"}, "Could not use 'noon' as starts_at"),
        ({"starts_at": "1790000000", "ends_at": "1790000000"}, "it ends before it starts"),
        ({"starts_at": "1790000000", "ends_at": "1790000001", "duration": "1h"}, "mutually exclusive"),
        ({"alertmanager_urls": [""]}, "alertmanager_urls is empty"),
        ({"alertmanager_urls": ["am:9093"]}, "Could not use alertmanager_urls"),
        ({"alertmanager_urls": ["http://ci:canary@am:9093"]}, "options of their own"),
        ({"url_username": "ci", "bearer_token": "x"}, "mutually exclusive"),
        ({"ca_path": "/nowhere/ca.pem", "alertmanager_urls": ["https://am:9093"]}, "/nowhere/ca.pem is not there"),
        ({"matchers": None}, "it has no matchers"),
        ({"matchers": []}, "it has no matchers"),
        ({"duration": ""}, "it has no end"),
    ],
)
def test_wrong_input_is_told_before_anything_is_asked(silence: t.Any, options: dict[str, t.Any], words: str) -> None:
    told = silence("http://am.invalid:9093", **options)
    assert told["failed"] and words in told["msg"] and "canary" not in told["msg"]


def test_a_silence_needs_an_end(run_module: t.Any) -> None:
    given = {"alertmanager_urls": ["http://am.invalid:9093"], "name": "x", "matchers": MATCHERS}
    assert "duration, ends_at" in run_module(alertmanager_silence, **given)["msg"]
