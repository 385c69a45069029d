# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HAProxy's text: what a value may be, and that one value never becomes two lines or words."""

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _haproxy
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

EVIL = ["a b", "a\nb", "a\tb", 'a"b', "a'b", "a\\b", "a#b", "a$b", "a;b", "a\x00b", "", "a{b", "a%b", "\u00e4"]


@pytest.mark.parametrize("form", [form for form in _haproxy.FORMS if form != "line"])
@pytest.mark.parametrize("value", EVIL)
def test_no_value_holds_what_haproxy_would_split_or_expand(form, value):
    with pytest.raises(StackError):
        _haproxy.checked(form, value, "x")
    with pytest.raises(StackError):
        _haproxy.checked(form, "/" + value + " ", "x")


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("service", "otlp-grpc"),
        ("name", "log-a.example.com"),
        ("user", "agent@site"),
        ("path", "/-/ready?x=1"),
        ("time", "330s"),
        ("hash", "$6$rounds=1000$abc$def./"),
        ("line", "http-request deny if { path /x y } # why"),
    ],
)
def test_what_is_right_passes(form, value):
    assert _haproxy.checked(form, value, "x") == value


def test_hosts_and_ports():
    assert _haproxy.host_and_port("10.0.0.1", 80, "x") == "10.0.0.1:80"
    assert _haproxy.host_and_port("fe80::1", "80", "x") == "[fe80::1]:80"
    assert _haproxy.host_and_port("log-a", 65535, "x") == "log-a:65535"
    for host, port in (("10.0.0.1", 65536), ("10.0.0.1", "-1"), ("a b", 80), ("", 80), ("a", "80 ssl"), ("a", True)):
        with pytest.raises(StackError):
            _haproxy.host_and_port(host, port, "x")


def test_global_has_no_socket_and_no_secret_way_in():
    text = _haproxy.global_section(max_connections=7, stop_after="5m", more=[])
    assert "socket" not in text and "maxconn 7\n" in text and "ssl-server-verify required" in text


def test_requests_are_logged_where_wanted():
    quiet = _haproxy.defaults_section(timeouts={}, log_requests=False, more=[])
    loud = _haproxy.defaults_section(timeouts={}, log_requests=True, more=[])
    assert "option dontlog-normal" in quiet and "option dontlog-normal" not in loud
