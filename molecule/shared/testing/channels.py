"""What the channels of a scenario were told: channel_server.py runs on a host of it, and writes everything down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import testinfra
from lab import INVENTORY, wait_for

HOST = "alerting-c"
LOG = "/run/lab-channels.jsonl"


@dataclass(frozen=True)
class Told:
    """One notification. at: seconds since 1970, which all hosts share; problems: why the channel refused it."""

    at: float
    channel: str
    path: str
    sender: str
    problems: list[str]
    body: Any

    @property
    def text(self) -> str:
        """All that it says, as one text."""
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def resolved(self) -> bool:
        """Whether it tells that something is over."""
        body = self.body
        if self.channel == "pagerduty":
            return bool(body["event_action"] == "resolve")
        if self.channel in ("hook", "watchdog", "refused"):
            return bool(body["status"] == "resolved")
        return "[RESOLVED]" in self.text


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def told(about: str = "", channel: str = "", path: str = "") -> list[Told]:
    """What came so far, in order: what says a text, to a channel, at a path that ends so."""
    found = []
    for line in at(HOST).check_output(f"cat {LOG}").splitlines():
        row = json.loads(line)
        one = Told(row["at"], row["channel"], row["path"], row["from"], row["problems"], row["body"])
        if about in one.text and channel in ("", one.channel) and one.path.endswith(path):
            found.append(one)
    return found


def wait_told(about: str, count: int = 1, *, seconds: float = 60, **where: str) -> list[Told]:
    """Wait until that many notifications say a text."""
    return wait_for(
        f"{count} notifications about {about}",
        lambda: found if len(found := told(about, **where)) >= count else None,
        seconds,
    )
