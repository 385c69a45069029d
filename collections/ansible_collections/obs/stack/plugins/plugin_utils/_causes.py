# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Say in one line why a run failed. Pure: results of tasks in, lines out."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

LONGEST = 500
MOST_LINES = 5
SHOWN_HOSTS = 5

# What Ansible puts before the text of a module or an action; the reader needs only the text.
_WRAPPING = re.compile(r"^(?:(?:Task|Module|Action) failed: )+")
# Connection plugins that run a client (docker, podman) report its last words at the end of a long sentence.
_CLIENT_SAID = re.compile(r"stderr output: (?P<words>.+)", re.DOTALL)
# Texts that tell nothing without the task they come from.
_BARE = re.compile(r"^(?:non-zero return code|MODULE FAILURE|Module result deserialization failed|$)")
_CENSORED = "its output is hidden by no_log"


def causes_of(result: Mapping[str, t.Any], task: str, *, unreachable: bool = False, judged: bool = False) -> list[str]:
    """Why a task failed on a host.

    Args:
        result: what the task returned, already masked by Ansible; of a loop, each failed item gives its own cause.
        task: name of the task, told where the result alone says too little.
        unreachable: whether the host could not be asked at all.
        judged: whether the task is a playbook's own judgement, whose every line is a cause.

    Returns:
        One line for each cause, in order, without repetitions.
    """
    if judged and not unreachable and not result.get("censored"):
        lines = _lines(_text(result.get("msg")))
        more = [f"and {len(lines) - MOST_LINES} more, see above"] if len(lines) > MOST_LINES else []
        return [_clip(line) for line in lines[:MOST_LINES]] + more
    items = [item for item in result.get("results") or [] if isinstance(item, Mapping)]
    failed = [item for item in items if item.get("failed") or item.get("unreachable")]
    lines = [_line(item, task, bool(item.get("unreachable"))) for item in failed or [result]]
    if not failed and unreachable:
        lines = [_line(result, task, True)]
    return list(dict.fromkeys(lines))


def _line(result: Mapping[str, t.Any], task: str, unreachable: bool) -> str:
    if result.get("censored"):
        return _clip(f"{task}: {_CENSORED}")
    text = _text(result.get("msg"))
    if unreachable:
        return _clip(f"could not be reached: {_last_words(text)}")
    first = _WRAPPING.sub("", next(iter(_lines(text)), ""))
    if _BARE.match(first):
        # What the host's shell, or the connection's client, said tells more than how Ansible found out.
        client = _lines(_text(result.get("module_stderr")))
        told = client or _lines(_text(result.get("stderr")))
        words = told[-1] if told else first or "failed without a word"
        first = words if client or not task else f"{task}: {words}"
    return _clip(first)


def _last_words(text: str) -> str:
    """What a connection's client said last: before that it may warn, or print the login banner of the host."""
    said = _CLIENT_SAID.search(text)
    lines = _lines(said["words"].replace("\\n", "\n").strip("b'\" ") if said else text)
    return lines[-1] if lines else "no reason was given"


def _text(value: t.Any) -> str:
    """A message as text; some modules give a list of lines."""
    if isinstance(value, (list, tuple)):
        return "\n".join(str(part) for part in value)
    return "" if value is None else str(value)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


class Failure(t.NamedTuple):
    """A failed task on a host: its causes, and whether they are that host's. What runs once speaks for all."""

    causes: t.Sequence[str]
    once: bool = False


def report(failures: Mapping[str, Sequence[Failure]], counted: Mapping[str, int]) -> list[str]:
    """One line for each cause of a failed run: the hosts it struck, and why.

    Args:
        failures: host -> its failed tasks, in order.
        counted: host -> how many failures the recap counts for it. Rescued and ignored ones are not among them: of a
            host's failures only the last that many are told.
    """
    struck: dict[str, list[str]] = {}
    for host, tasks in failures.items():
        real = tasks[len(tasks) - min(counted.get(host, 0), len(tasks)) :]
        for failure in real:
            for cause in failure.causes:
                hosts = struck.setdefault(cause, [])
                if not failure.once and host not in hosts:
                    hosts.append(host)
    return ["Cause: " + (f"{_named(hosts)}: {cause}" if hosts else cause) for cause, hosts in struck.items()]


def _named(hosts: Sequence[str]) -> str:
    more = len(hosts) - SHOWN_HOSTS
    return ", ".join(hosts[:SHOWN_HOSTS]) + (f" and {more} more" if more > 0 else "")
