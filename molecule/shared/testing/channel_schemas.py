"""What each channel's API demands of a notification, and what it answers. Pure; runs on hosts: standard library only.

Each judge takes what came and returns what is wrong with it; nothing when it is sound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

Problems = Iterator[str]
# developer.pagerduty.com, "Send an alert event"
PAGERDUTY_SEVERITIES = ("critical", "error", "warning", "info")
PAGERDUTY_SUMMARY = 1024
# core.telegram.org/bots/api, "Formatting options" and "sendMessage"
TELEGRAM_TAGS = ("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "blockquote")
TELEGRAM_ENTITIES = re.compile(r"&(?!(?:lt|gt|amp|quot|#[0-9]+|#x[0-9A-Fa-f]+);)")
TELEGRAM_LONGEST = 4096
# prometheus.io/docs/alerting/latest/configuration, "webhook_config"
WEBHOOK_KEYS = (
    *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels"),
    *("commonAnnotations", "externalURL", "alerts"),
)
ALERT_KEYS = ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")


def is_link(value: Any) -> bool:
    """Whether it is the URL of a page."""
    return isinstance(value, str) and urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).netloc)


def _texts(where: str, values: Any, *keys: str) -> Problems:
    if not isinstance(values, dict):
        yield f"{where} is no object"
        return
    for key in keys:
        if not isinstance(values.get(key), str) or not values[key]:
            yield f"{where} has no {key}"


def pagerduty(event: Any) -> Problems:
    """Events API v2."""
    yield from _texts("event", event, "routing_key", "event_action")
    if not isinstance(event, dict):
        return
    if not re.fullmatch(r"[0-9A-Za-z]{32}", str(event.get("routing_key"))):
        yield "routing_key has not 32 letters and digits"
    action = event.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        yield f"event_action is {action!r}"
    if action != "trigger" and not event.get("dedup_key"):
        yield f"{action} without dedup_key"
    if len(str(event.get("dedup_key") or "")) > 255:
        yield "dedup_key is longer than 255"
    if action == "trigger":
        payload = event.get("payload")
        yield from _texts("payload", payload, "summary", "source", "severity")
        if isinstance(payload, dict):
            if payload.get("severity") not in PAGERDUTY_SEVERITIES:
                yield f"severity is {payload.get('severity')!r}"
            if len(str(payload.get("summary"))) > PAGERDUTY_SUMMARY:
                yield "summary is too long"
    for link in event.get("links") or []:
        if not is_link(link.get("href")):
            yield f"link to {link.get('href')!r}"


def slack(message: Any) -> Problems:
    """Incoming webhook."""
    if not isinstance(message, dict):
        yield "invalid_payload"
        return
    attachments = message.get("attachments") or []
    if not message.get("text") and not attachments:
        yield "no_text"
    for attachment in attachments:
        yield from _texts("attachment", attachment, "fallback")
        if not attachment.get("text") and not attachment.get("title"):
            yield "attachment says nothing"
        # Escaped are these three, and links are <URL|text>.
        for found in re.findall(r"<([^>]*)>?", attachment.get("text") or ""):
            if not is_link(found.partition("|")[0]):
                yield f"<{found} is no link"
        if re.search(r"&(?!(?:amp|lt|gt);)", re.sub(r"<[^>]*>", "", attachment.get("text") or "")):
            yield "an & is not escaped"


def teams(message: Any) -> Problems:
    """A workflow that posts adaptive cards."""
    if not isinstance(message, dict) or message.get("type") != "message":
        yield "type is not message"
        return
    attachments = message.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        yield "no attachments"
        return
    for attachment in attachments:
        card = attachment.get("content") or {}
        if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
            yield "an attachment is no adaptive card"
        if card.get("type") != "AdaptiveCard" or not re.fullmatch(r"1\.[0-9]", str(card.get("version"))):
            yield "card has no type or version"
        if not card.get("body"):
            yield "card is empty"
        for block in card.get("body") or []:
            if block.get("type") == "TextBlock":
                yield from _texts("TextBlock", block, "text")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag not in TELEGRAM_TAGS:
            self.wrong.append(f"unsupported start tag {tag!r}")
        if tag == "a" and not is_link(dict(attrs).get("href")):
            self.wrong.append(f"link to {dict(attrs).get('href')!r}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"unexpected end tag {tag!r}")


def telegram(message: Any) -> Problems:
    """sendMessage of the bot API."""
    if not isinstance(message, dict):
        yield "Bad Request: no JSON object"
        return
    if not re.fullmatch(r"-?[0-9]+", str(message.get("chat_id") or "")):
        yield "Bad Request: chat_id is empty"
    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        yield "Bad Request: message text is empty"
        return
    if message.get("parse_mode") == "HTML":
        tags = _Tags()
        tags.feed(text)
        tags.close()
        yield from (f"Bad Request: can't parse entities: {wrong}" for wrong in tags.wrong)
        if tags.open:
            yield f"Bad Request: can't parse entities: {tags.open[-1]!r} is not closed"
        if TELEGRAM_ENTITIES.search(text):
            yield "Bad Request: can't parse entities: a named entity that Telegram does not know"
        text = re.sub(r"<[^>]*>", "", text)
    if len(text) > TELEGRAM_LONGEST:
        yield "Bad Request: message is too long"


def webhook(message: Any) -> Problems:
    """Upstream's own JSON, version 4."""
    if not isinstance(message, dict):
        yield "no JSON object"
        return
    yield from (f"no {key}" for key in WEBHOOK_KEYS if key not in message)
    if message.get("version") != "4":
        yield f"version is {message.get('version')!r}"
    if message.get("status") not in ("firing", "resolved"):
        yield f"status is {message.get('status')!r}"
    for alert in message.get("alerts") or []:
        yield from (f"an alert has no {key}" for key in ALERT_KEYS if key not in alert)
    if not message.get("alerts"):
        yield "no alerts"


class Channel:
    """A channel: what judges it, the answer to what is sound, and how it refuses."""

    def __init__(
        self, judge: Callable[[Any], Problems], accept: Callable[[Any], tuple[int, Any]], refuse: Callable[[str], Any]
    ) -> None:
        self.judge = judge
        self.accept = accept
        self.refuse = refuse


CHANNELS = {
    "pagerduty": Channel(
        pagerduty,
        lambda event: (202, {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key")}),
        lambda why: {"status": "invalid event", "message": "Event object is invalid", "errors": [why]},
    ),
    "slack": Channel(slack, lambda _message: (200, "ok"), lambda why: why),
    "teams": Channel(teams, lambda _message: (202, ""), lambda why: {"error": {"code": "BadRequest", "message": why}}),
    "telegram": Channel(
        telegram,
        lambda message: (
            200,
            {
                "ok": True,
                "result": {
                    "message_id": 1,
                    "date": 0,
                    "chat": {"id": int(message["chat_id"]), "type": "group"},
                    "text": message["text"],
                },
            },
        ),
        lambda why: {"ok": False, "error_code": 400, "description": why},
    ),
    "hook": Channel(webhook, lambda _message: (200, ""), lambda why: why),
    "watchdog": Channel(webhook, lambda _message: (200, ""), lambda why: why),
}


def channel_of(path: str) -> str:
    """Which channel a path is of; nothing for a path that its API does not have."""
    first = path.split("/")[1] if path.startswith("/") else ""
    whole = {
        "pagerduty": r"/pagerduty/v2/enqueue",
        "slack": r"/slack/services/T\w+/B\w+/[\w-]+",
        "teams": r"/teams/workflows/[\w-]+",
        "telegram": r"/telegram/bot[0-9]+:[\w-]+/sendMessage",
        "hook": r"/hook/[\w-]+",
        "watchdog": r"/watchdog/[\w-]+",
    }
    return first if first in whole and re.fullmatch(whole[first], path) else ""
