# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a declared service is refused, before a line of HAProxy's is written."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._gateway_services import (
    complete,
    refuse_clashes,
    refuse_open_ways,
)
from ansible_collections.obs.stack.plugins.module_utils._haproxy import section
from ansible_collections.obs.stack.plugins.module_utils._wiring import Listen

MEMBER = {"name": "log-a", "address": "10.0.0.5", "port": 3100}
LOKI = {"name": "loki", "port": 3100, "health": "/ready", "members": [MEMBER]}
METRICS = Listen("0.0.0.0", 8405)


def judge(service, local=False, tls=True, plain=False, users=True):
    """A service as the renderer judges it, with its lines held to be lines."""
    one = complete(service, 1)
    refuse_clashes([one], METRICS)
    refuse_open_ways(one, local=local, tls=tls, plain=plain, users=users)
    section("backend", one["name"], [*one["frontend_options"], *one["backend_options"]])
    return one


def test_what_is_left_out_or_empty_is_the_default():
    for service in (LOKI, dict(LOKI, protocol=None, server_name="", timeout="")):
        one = judge(service)
        assert (one["protocol"], one["authenticate"], one["sticky"]) == ("http", True, False)
    assert judge(dict(LOKI, health=""))["health"] == "tcp"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"name": "lo ki"}, "lower-case"),
        ({"name": "loki\nfrontend x"}, "lower-case"),
        ({"name": "metrics"}, "metrics"),
        ({"port": 0}, "1 to 65535"),
        ({"port": 8405}, "8405"),
        ({"port": "3100 ssl"}, "1 to 65535"),
        ({"health": "/ready hdr X y"}, "path"),
        ({"health": "/%[env(HOME)]"}, "path"),
        ({"health": "ready"}, "path"),
        ({"protocol": "tcp"}, "http, grpc"),
        ({"members": []}, "a member"),
        ({"members": [MEMBER, MEMBER]}, "one name"),
        ({"members": [dict(MEMBER, name="a b")]}, "letters"),
        ({"members": [dict(MEMBER, address="a;b")]}, "address"),
        ({"members": [dict(MEMBER, server_name="x) verify none")]}, "letters"),
        ({"members": [dict(MEMBER, weight=3)]}, "weight"),
        ({"members": [{"name": "a"}]}, "wanted name"),
        ({"push_paths": ["/a }"]}, "path"),
        ({"deny_paths": ["a"]}, "path"),
        ({"timeout": "5 minutes"}, "time"),
        ({"backend_options": ["a\nserver evil 1.2.3.4:1"]}, "one line"),
        ({"frontend_options": ["a\rb"]}, "one line"),
        ({"colour": "red"}, "colour"),
        ({"username": "u"}, "only one"),
        ({"health_password": "u"}, "only one"),
        ({"username": "a:b", "password": "x", "tls": True}, "colon"),
        ({"username": "u", "password": "x"}, "without TLS"),
        ({"health_username": "u", "health_password": "x"}, "without TLS"),
        ({"authenticate": False, "username": "u", "password": "p", "tls": True}, "anyone"),
    ],
)
def test_service_that_is_refused(change, word):
    with pytest.raises(StackError, match=word):
        judge({**LOKI, **change})


def test_two_services_need_names_and_ports_of_their_own():
    for change, word in (({"port": 3101}, "name loki"), ({"name": "other"}, "port 3100")):
        with pytest.raises(StackError, match=word):
            refuse_clashes([LOKI, dict(LOKI, **change)], METRICS)


def test_loopback_needs_no_tls_and_an_asking_service_no_users():
    assert judge(dict(LOKI, authenticate=False), local=True, tls=False, users=False)
    assert judge(dict(LOKI, authenticate=False), users=False)
    with pytest.raises(StackError, match="without TLS"):
        judge(LOKI, tls=False)
    assert judge(LOKI, tls=False, plain=True)


def test_password_stays_on_the_host_where_its_members_are_there():
    service = dict(LOKI, username="u", password="x", members=[dict(MEMBER, address="127.0.0.1")])
    assert judge(service)
