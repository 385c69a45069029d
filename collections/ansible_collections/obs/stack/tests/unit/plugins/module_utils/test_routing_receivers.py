# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _routing_receivers
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

CANARY = "canary-of-a-secret"
# A channel of each kind that has a look or secrets, as little as upstream takes.
CHANNELS = {
    "pagerduty_configs": {"routing_key": CANARY},
    "slack_configs": {"api_url": "https://hooks.example.com/" + CANARY, "channel": "#alerts"},
    "email_configs": {
        "to": "ops@example.com",
        "from": "alerts@example.com",
        "smarthost": "mail.example.com:587",
        "auth_username": "alerts",
        "auth_password": CANARY,
    },
    "msteamsv2_configs": {"webhook_url": "https://teams.example.com/" + CANARY},
    "telegram_configs": {"bot_token": CANARY, "chat_id": -100},
    "webhook_configs": {"url": "https://hook.example.com/" + CANARY},
    "discord_configs": {"webhook_url": "https://discord.example.com/" + CANARY},
    "pushover_configs": {"user_key": CANARY, "token": CANARY + "2"},
    "rocketchat_configs": {"token": CANARY, "token_id": CANARY + "2", "channel": "#alerts"},
    "victorops_configs": {"api_key": CANARY, "routing_key": "team"},
    "webex_configs": {"room_id": "x", "http_config": {"authorization": {"credentials": CANARY}}},
}


def rendered(shared=None, **item):
    return _routing_receivers.receivers([{"name": "team", **item}], shared)


@pytest.mark.parametrize("kind", sorted(CHANNELS))
def test_no_secret_stays_in_the_configuration(kind):
    found = rendered(**{kind: [CHANNELS[kind]]})
    assert CANARY not in str(found.receivers)
    assert CANARY in str([one["content"] for one in found.secrets])
    for secret in found.secrets:
        assert "/etc/alertmanager/" + secret["path"] in str(found.receivers)
        assert secret["variable"] == "obs_receivers"


@pytest.mark.parametrize("kind", sorted(set(CHANNELS) - {"webhook_configs"}))
def test_channels_say_what_all_say(kind):
    (channel,) = rendered(**{kind: [CHANNELS[kind]]}).receivers[0][kind]
    assert '{{ template "obs.' in str(channel) and channel["send_resolved"] is True


def test_files_are_apart_for_each_channel():
    hook = CHANNELS["webhook_configs"]
    found = rendered(webhook_configs=[hook, {**hook, "url": "https://other.example.com"}])
    assert [one["path"] for one in found.secrets] == [
        "secrets/receivers/team/webhook1_url",
        "secrets/receivers/team/webhook2_url",
    ]


def test_what_a_channel_says_itself_stays():
    slack = {**CHANNELS["slack_configs"], "text": "mine", "send_resolved": False, "footer": "f"}
    (channel,) = rendered(slack_configs=[slack]).receivers[0]["slack_configs"]
    assert (channel["text"], channel["send_resolved"], channel["footer"]) == ("mine", False, "f")
    email = {**CHANNELS["email_configs"], "headers": {"X-Team": "shop"}}
    (channel,) = rendered(email_configs=[email]).receivers[0]["email_configs"]
    assert sorted(channel["headers"]) == ["Subject", "X-Team"]


def test_files_of_ones_own_are_taken_as_they_are():
    found = rendered(slack_configs=[{"api_url_file": "/run/slack"}])
    assert not found.secrets and found.receivers[0]["slack_configs"][0]["api_url_file"] == "/run/slack"


def test_credentials_of_the_client_become_files():
    http = {"basic_auth": {"username": "u", "password": CANARY}, "proxy_url": "http://proxy:3128"}
    found = rendered(webhook_configs=[{"url_file": "/run/url", "http_config": http}])
    client = found.receivers[0]["webhook_configs"][0]["http_config"]
    assert client["proxy_url"] == "http://proxy:3128" and client["basic_auth"]["username"] == "u"
    assert client["basic_auth"]["password_file"].endswith("webhook1_http_basic_auth_password")
    assert http["basic_auth"]["password"] == CANARY, "what is given is not changed"


def test_other_kinds_pass_through():
    sns = {"topic_arn": "arn:aws:sns:eu-central-1:1:alerts", "sigv4": {"region": "eu-central-1"}}
    assert rendered(sns_configs=[sns]).receivers[0]["sns_configs"] == [{"send_resolved": True, **sns}]


def test_what_stands_in_global_need_not_be_said_again():
    shared = {"smtp_smarthost": "mail:25", "smtp_from": "a@example.com", "slack_api_url_file": "/run/slack"}
    channels = {"email_configs": [{"to": "x@example.com"}], "slack_configs": [{"channel": "#a"}]}
    assert rendered(shared, **channels).receivers
    with pytest.raises(StackError, match="smarthost"):
        rendered(**channels)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"pagerduty_configs": [{}]}, "has no routing_key or service_key"),
        ({"slack_configs": [{"channel": "#a"}]}, "has no api_url or app_token.*\n.*slack_api_url"),
        ({"msteamsv2_configs": [{"title": "x"}]}, "has no webhook_url"),
        ({"telegram_configs": [{"bot_token": "x"}]}, "has no chat_id"),
        ({"telegram_configs": [{"chat_id": 1}]}, "has no bot_token"),
        ({"webhook_configs": [{"url": ""}]}, "has no url"),
        ({"pagerduty_configs": [{"routing_key": "", "service_key": "x"}]}, "routing_key of .* is empty|: it is empty"),
        ({"webhook_configs": [{"url": "http://a", "url_file": "/b"}]}, "url_file is there too"),
        ({"slack": [{}]}, "no key 'slack'"),
        ({"slack_configs": {"api_url": "x"}}, "no list of channels"),
        ({"slack_configs": ["x"]}, "not a dictionary"),
        ({}, "tells nobody"),
    ],
)
def test_what_is_missing_is_said(item, words):
    with pytest.raises(StackError, match=words) as caught:
        rendered(**item)
    assert "team" in str(caught.value)


@pytest.mark.parametrize("name", ["", "a/b", "..", "none", "watchdog", "a b"])
def test_names_that_cannot_be(name):
    with pytest.raises(StackError):
        _routing_receivers.receivers([{"name": name, "webhook_configs": [{"url": "http://a"}]}])


def test_names_are_unique_and_items_dictionaries():
    one = {"name": "a", "webhook_configs": [{"url": "http://a"}]}
    with pytest.raises(StackError, match="there twice"):
        _routing_receivers.receivers([one, one])
    with pytest.raises(StackError, match="not a list"):
        _routing_receivers.receivers(one)
    with pytest.raises(StackError, match=r"obs_receivers\[1\]: it is not a dictionary"):
        _routing_receivers.receivers(["a"])
