# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Keep secrets out of every text that leaves the host: diffs, errors, quotes of checkers, journals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

MASK = "********"

# Shorter values would blank out half of every message; they are still kept out by the files they live in.
MINIMUM_LENGTH = 4

# Keys of the components' configurations whose value is a secret when it is given inline.
# `*_file` forms name a path and are what to use instead.
SENSITIVE_KEYS = frozenset(
    {
        "password",
        "secret",
        "token",
        "credentials",
        "bearer_token",
        "client_secret",
        "secret_key",
        "secret_access_key",
        "access_key",
        "api_key",
        "api_secret",
        "routing_key",
        "service_key",
        "user_key",
        "bot_token",
        "app_token",
        "auth_password",
        "auth_secret",
        "auth_identity_token",
        "smtp_auth_password",
        "smtp_auth_secret",
        "slack_api_url",
        "slack_app_token",
        "opsgenie_api_key",
        "victorops_api_key",
        "telegram_bot_token",
        "wechat_api_secret",
        "webhook_url",
        "account_key",
        "key",
    }
)

_LINE = re.compile(
    r"^(?P<lead>\s*(?:-\s+)*[\"']?(?P<key>[A-Za-z_]+)[\"']?\s*:[ \t]+)(?P<value>\S.*)$",
    re.MULTILINE,
)
_USERINFO = re.compile(r"(?P<lead>[a-z][a-z0-9+.-]*://[^/\s:@]*:)(?P<value>[^/\s@]+)(?=@)")


def is_sensitive(key: str) -> bool:
    """Whether an inline value under this key of a configuration is a secret."""
    return key.lower() in SENSITIVE_KEYS


def inline_secrets(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, value) of every secret given inline in a configuration."""
    if isinstance(data, dict):
        for key, value in data.items():
            here = f"{path}.{key}" if path else str(key)
            # {key: service.name, value: service} names an attribute.
            named = key == "key" and "value" in data
            if isinstance(value, (str, int)) and not isinstance(value, bool) and is_sensitive(str(key)) and not named:
                yield here, str(value)
            else:
                yield from inline_secrets(value, here)
    elif isinstance(data, (list, tuple)):
        for index, value in enumerate(data):
            yield from inline_secrets(value, f"{path}[{index}]")


def scalars(data: Any) -> Iterator[str]:
    """Yield every string and number of a parsed document, keys left out."""
    if isinstance(data, dict):
        for value in data.values():
            yield from scalars(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from scalars(value)
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool):
        yield str(data)


def mask_by_key(text: str) -> str:
    """Blank the values of sensitive keys in YAML or JSON-like text, line by line, and passwords within URLs."""

    def blank(match: re.Match[str]) -> str:
        if not is_sensitive(match.group("key")):
            return match.group(0)
        return match.group("lead") + MASK

    return _USERINFO.sub(lambda match: match.group("lead") + MASK, _LINE.sub(blank, text))


class Masker:
    """Replaces known secrets in texts.

    Args:
        secrets: whole secrets; each of their lines, and each value of a ``key: value`` line, is masked too.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        words = set()
        for secret in secrets:
            for line in [secret] + secret.splitlines():
                stripped = line.strip()
                if stripped.endswith(":"):
                    continue
                words.add(stripped)
                _key, separator, value = stripped.partition(": ")
                if separator:
                    words.add(value.strip().strip("'\""))
        self._words = sorted((word for word in words if len(word) >= MINIMUM_LENGTH), key=len, reverse=True)

    @property
    def words(self) -> list[str]:
        """What is masked, longest first."""
        return list(self._words)

    def mask(self, text: str) -> str:
        """The text with every known secret blanked."""
        for word in self._words:
            if word in text:
                text = text.replace(word, MASK)
        return text
