# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels of the scenario `alerting` take what their APIs take, and refuse what those refuse."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tests.tree import ROOT

_SPEC = importlib.util.spec_from_file_location(
    "channel_schemas", ROOT / "molecule" / "shared" / "testing" / "channel_schemas.py"
)
assert _SPEC and _SPEC.loader
schemas = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(schemas)

LINK = "https://example.com/a"
CARD = {"type": "AdaptiveCard", "version": "1.2", "body": [{"type": "TextBlock", "text": "down"}]}
ALERT = dict.fromkeys(schemas.ALERT_KEYS, "")
SOUND: dict[str, dict[str, Any]] = {
    "pagerduty": {
        "routing_key": "a" * 32,
        "event_action": "trigger",
        "dedup_key": "k",
        "payload": {"summary": "s", "source": "x", "severity": "critical"},
        "links": [{"href": LINK, "text": "Runbook"}],
    },
    "slack": {"attachments": [{"fallback": "f", "text": f"a &lt;b&gt; &amp; <{LINK}?a=1&b=2|Runbook>"}]},
    "teams": {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": CARD}],
    },
    "telegram": {"chat_id": "-1001", "parse_mode": "HTML", "text": f'<b>a &amp; b</b> <a href="{LINK}">Runbook</a>'},
    "hook": {**dict.fromkeys(schemas.WEBHOOK_KEYS, ""), "version": "4", "status": "firing", "alerts": [ALERT]},
}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("pagerduty", {"routing_key": "short"}, "32 letters"),
    ("pagerduty", {"event_action": "fire"}, "event_action is 'fire'"),
    ("pagerduty", {"event_action": "resolve", "dedup_key": ""}, "resolve without dedup_key"),
    ("pagerduty", {"payload": {"summary": "s", "source": "x", "severity": "page"}}, "severity is 'page'"),
    ("pagerduty", {"payload": {"source": "x", "severity": "info"}}, "payload has no summary"),
    ("pagerduty", {"links": [{"href": ""}]}, "link to ''"),
    ("slack", {"attachments": []}, "no_text"),
    ("slack", {"attachments": [{"fallback": "f", "text": "a <b> c"}]}, "is no link"),
    ("slack", {"attachments": [{"fallback": "f", "text": "a & b"}]}, "not escaped"),
    ("teams", {"type": "MessageCard"}, "type is not message"),
    ("teams", {"attachments": []}, "no attachments"),
    ("teams", {"attachments": [{"contentType": "text/plain", "content": CARD}]}, "no adaptive card"),
    ("telegram", {"text": ""}, "text is empty"),
    ("telegram", {"text": "a <b>b"}, "is not closed"),
    ("telegram", {"text": "a <span>b</span>"}, "unsupported start tag"),
    ("telegram", {"text": "a &nbsp; b"}, "named entity"),
    ("telegram", {"text": "a" * 4097}, "too long"),
    ("telegram", {"chat_id": ""}, "chat_id is empty"),
    ("hook", {"version": "3"}, "version is '3'"),
    ("hook", {"alerts": []}, "no alerts"),
]


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_taken(name: str) -> None:
    channel = schemas.CHANNELS[name]
    assert list(channel.judge(SOUND[name])) == []
    assert channel.accept(SOUND[name])[0] in (200, 202)


@pytest.mark.parametrize(("name", "changed", "problem"), BAD)
def test_what_is_not_is_refused(name: str, changed: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in schemas.CHANNELS[name].judge({**SOUND[name], **changed}))
    assert list(schemas.CHANNELS[name].judge("no object"))


def test_a_path_is_of_one_channel() -> None:
    assert schemas.channel_of("/telegram/bot4711:x-y/sendMessage") == "telegram"
    assert schemas.channel_of("/pagerduty/v2/enqueue") == "pagerduty"
    assert schemas.channel_of("/pagerduty/v1/enqueue") == "" == schemas.channel_of("/nothing")
