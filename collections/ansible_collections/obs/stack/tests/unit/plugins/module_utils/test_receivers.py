# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""_receivers: which servers a configuration needs."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _receivers
from ansible_collections.obs.stack.plugins.module_utils._receivers import Server


def of(item: dict[str, t.Any], kind: str = "webhook_configs", **shared: t.Any) -> Server:
    (found,) = _receivers.servers({"global": shared, "receivers": [{"name": "team", kind: [item]}]})
    return found


@pytest.mark.parametrize(
    ("kind", "item", "shared", "expected"),
    [
        ("webhook_configs", {"url": "http://hooks.example.com/secret"}, {}, ("hooks.example.com", 80)),
        ("webhook_configs", {"url": "https://u:p@hooks.example.com:8443/x"}, {}, ("hooks.example.com", 8443)),
        (
            "slack_configs",
            {"channel": "#x"},
            {"slack_api_url": "https://chat.example.com/x"},
            ("chat.example.com", 443),
        ),
        ("slack_configs", {}, {}, ("slack.com", 443)),
        ("pagerduty_configs", {"routing_key": "x"}, {}, ("events.pagerduty.com", 443)),
        ("opsgenie_configs", {"api_url": "https://eu.example.com/"}, {}, ("eu.example.com", 443)),
        ("email_configs", {"to": "x"}, {"smtp_smarthost": "mail.example.com:587"}, ("mail.example.com", 587)),
        ("email_configs", {"smarthost": "[2001:db8::1]:25"}, {}, ("2001:db8::1", 25)),
        ("sns_configs", {"sigv4": {"region": "eu-west-1"}}, {}, ("sns.eu-west-1.amazonaws.com", 443)),
    ],
)
def test_each_integration_names_its_server(
    kind: str, item: dict[str, t.Any], shared: dict[str, t.Any], expected: tuple[str, int]
) -> None:
    found = of(item, kind, **shared)
    assert (found.address, found.port) == expected
    assert found.receiver == "team ({0})".format(kind[: -len("_configs")])


def test_a_url_in_a_file_is_read_on_the_host() -> None:
    assert of({"url_file": "/etc/alertmanager/secrets/url"}).url_file == "/etc/alertmanager/secrets/url"
    assert of({}, "slack_configs", slack_api_url_file="/x").url_file == "/x"


def test_behind_a_proxy_it_is_the_proxy_that_is_called() -> None:
    found = of({"url": "https://hooks.example.com", "http_config": {"proxy_url": "http://proxy.example.com:3128"}})
    assert (found.address, found.port) == ("proxy.example.com", 3128)
    assert (
        of({"url": "https://x.example.com"}, http_config={"proxy_url": "http://p.example.com:1"}).address
        == "p.example.com"
    )


@pytest.mark.parametrize(
    "item", [{"url": "{{ template }}"}, {"url": "https://{{ x }}/y"}, {"url": "ftp://x/"}, {"url": "http://x:y/"}, {}]
)
def test_what_the_configuration_does_not_tell_is_unknown(item: dict[str, str]) -> None:
    assert of(item).unknown
    assert of({"topic_arn": "x"}, "sns_configs").unknown


def test_a_configuration_without_receivers_needs_nobody() -> None:
    assert _receivers.servers({}) == [] == _receivers.servers({"receivers": [{"name": "none"}]})


def test_remote_storage_is_reached_by_its_url_or_proxy() -> None:
    found = _receivers.remotes(
        {
            "remote_write": [{"name": "archive", "url": "https://a.example.com/api"}],
            "remote_read": [{"url": "https://b.example.com/", "proxy_url": "http://p.example.com:3128"}],
        }
    )
    assert found == [
        Server("remote_write archive", "a.example.com", 443),
        Server("remote_read p.example.com", "p.example.com", 3128),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db.example.com:5432", ("db.example.com", 5432)),
        ("db.example.com", ("db.example.com", 7)),
        ("[::1]:5432", ("::1", 5432)),
        ("", ("", 0)),
        ("a/b", ("", 0)),
        ("db:port", ("", 0)),
    ],
)
def test_address_and_port(text: str, expected: tuple[str, int]) -> None:
    assert _receivers.address_and_port(text, 7) == expected
