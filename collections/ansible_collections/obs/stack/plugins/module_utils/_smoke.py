# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a smoke test writes, what it looks for, and who does which step. Pure.

A step writes, reads or removes one thing through one component. Another signal is more rows of ``STEPS`` here and a
function for each in the module. What a log line and a trace look like is in _smoke_signals.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence
from urllib.parse import urlencode

from ansible_collections.obs.stack.plugins.module_utils import _findings
from ansible_collections.obs.stack.plugins.module_utils._findings import Finding
from ansible_collections.obs.stack.plugins.module_utils._moments import stamp

METRIC = "obs_smoke_test"
TEXTFILE = METRIC + ".prom"
ALERT = "ObsSmokeTest"
# Seconds an alert lives that nobody ends, and how much longer its silence: at no moment is it alone.
ALERT_SECONDS = 60.0
SILENCE_MARGIN = 60.0
# Why nobody wrote a signal that somebody would have looked for.
NO_WRITER = {
    "sample": "no host of the site with node_exporter takes part",
    "log": "no host of the site with a log agent takes part",
    "trace": "no host of the site with otelcol takes part",
}
NO_READER = {"log": "no Loki of the site takes part", "trace": "no Tempo of the site takes part"}


class Step(t.NamedTuple):
    """One step: its name, the phase it belongs to (write, read, remove), components it goes through, its signal."""

    name: str
    phase: str
    components: tuple[str, ...]
    signal: str


STEPS = (
    Step("sample_write", "write", ("node_exporter",), "sample"),
    Step("log_write", "write", ("otelcol-agent", "promtail"), "log"),
    Step("trace_write", "write", ("otelcol",), "trace"),
    Step("sample_read", "read", ("prometheus", "thanos-query"), "sample"),
    Step("log_read", "read", ("loki",), "log"),
    Step("trace_read", "read", ("tempo",), "trace"),
    Step("alert", "read", ("alertmanager",), "alert"),
    Step("sample_remove", "remove", ("node_exporter",), "sample"),
)
BY_NAME = {step.name: step for step in STEPS}
SIGNALS = ("sample", "log", "trace")
WRITERS, READERS = (
    {step.signal: step.components for step in STEPS if step.phase == phase and step.signal in SIGNALS}
    for phase in ("write", "read")
)


def writer(monitored: Sequence[str], watchers: Sequence[str], wanted: str = "") -> str:
    """The host of a site that writes the sample, or nothing where none can.

    Args:
        monitored: hosts of the site that run node_exporter and take part.
        watchers: hosts of the site that run Prometheus and take part; without any nobody would look. A host that is
            none of them is better, since its sample crosses the network.
        wanted: the host somebody asked for, of whatever site.
    """
    if not watchers:
        return ""
    if wanted in monitored:
        return wanted
    ordered = sorted(monitored, key=lambda host: (host in watchers, host))
    return ordered[0] if ordered else ""


def plan(
    health: Iterable[Mapping[str, t.Any]], phase: str, *, writes: Collection[str], written: Mapping[str, Sequence[str]]
) -> list[dict[str, t.Any]]:
    """The steps of one host in one phase.

    Args:
        health: how the host's components are asked, as the estate says.
        phase: write, read or remove.
        writes: the signals this host writes.
        written: by signal, the hosts that wrote one; nobody waits for one that was not written.

    Returns:
        The component's entry of ``health`` without what is expected of it, with ``step`` and ``source``.
    """
    result = []
    done = set()
    for end in health:
        for step in STEPS:
            if step.phase != phase or end["component"] not in step.components:
                continue
            sources: Sequence[str] = ("",)
            if step.signal in SIGNALS and phase == "read":
                sources = written.get(step.signal, ())
            elif step.signal in SIGNALS and (step.signal not in writes or step.name in done):
                continue
            done.add(step.name)
            asked = {key: end[key] for key in end if key != "expected"}
            result += [{**asked, "step": step.name, "source": source} for source in sources]
    return result


def unread(
    health: Iterable[Mapping[str, t.Any]], sources: Mapping[str, Sequence[str]], written: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """What is told of a host that was to read what is not there.

    Args:
        health: how the host's components are asked.
        sources: by signal, the hosts that were to write it.
        written: those of them that did.
    """
    found = []
    for end in health:
        for signal, readers in READERS.items():
            if end["component"] not in readers:
                continue
            lost = [host for host in sources.get(signal, ()) if host not in written.get(signal, ())]
            if lost:
                why = "{0} did not write it".format(", ".join(lost))
            elif not sources.get(signal):
                why = NO_WRITER[signal]
            else:
                continue
            found.append(Finding(signal, end["component"], _findings.SKIPPED, why))
    return found


def unsent(health: Iterable[Mapping[str, t.Any]], readable: Collection[str]) -> list[Finding]:
    """What is told of a host that would write what nobody could look for.

    Args:
        health: how the host's components are asked.
        readable: the signals that somebody of the site looks for.
    """
    return [
        Finding(signal, end["component"], _findings.SKIPPED, why)
        for end in health
        for signal, why in NO_READER.items()
        if end["component"] in WRITERS[signal] and signal not in readable
    ]


def textfile(value: int) -> str:
    """The file of node_exporter's textfile collector."""
    return (
        "# HELP {0} Number written by the smoke test of obs.stack; gone when it is over.\n"
        "# TYPE {0} gauge\n{0} {1}\n".format(METRIC, value)
    )


def sample_path(value: int) -> str:
    """Path of an instant query that finds this very number."""
    return "/api/v1/query?" + urlencode({"query": "{0} == {1}".format(METRIC, value)})


def instances(answer: t.Any) -> list[str]:
    """The instances in the answer to :func:`sample_path`."""
    return [str(row["metric"].get("instance", "?")) for row in answer["data"]["result"]]


def why_unseen(answer: t.Any, source: str) -> str:
    """What ``/api/v1/targets`` says about the host whose sample does not come."""
    for target in answer["data"]["activeTargets"]:
        labels = target["labels"]
        if labels.get("job") == "node_exporter" and labels.get("host", source) == source:
            if target["health"] == "up":
                return "target {0} is up, last scraped {1}".format(labels["instance"], target.get("lastScrape") or "-")
            return "target {0} is {1}: {2}".format(labels["instance"], target["health"], target.get("lastError") or "-")
    return "node_exporter of {0} is none of its targets".format(source or "the host that wrote it")


def silence(value: int, now: float, lives: float) -> dict[str, t.Any]:
    """A silence of this run's alert only, until after that alert has ended by itself."""
    return {
        "matchers": [
            {"name": "alertname", "value": ALERT, "isRegex": False, "isEqual": True},
            {"name": "smoke_id", "value": str(value), "isRegex": False, "isEqual": True},
        ],
        "startsAt": stamp(now),
        "endsAt": stamp(now + lives + SILENCE_MARGIN),
        "createdBy": "obs.stack smoke_test",
        "comment": "Smoke test: its alert is not to reach anybody.",
    }


def alert(value: int, starts: float, ends: float) -> list[dict[str, t.Any]]:
    """This run's alert. Ends in the past: it is over."""
    return [
        {
            "labels": {"alertname": ALERT, "smoke_id": str(value), "severity": "none"},
            "annotations": {"summary": "Smoke test of obs.stack. It is silenced, and over in a minute."},
            "startsAt": stamp(starts),
            "endsAt": stamp(ends),
        }
    ]


def alert_path(value: int) -> str:
    """Path at which Alertmanager tells about this run's alert."""
    return "/api/v2/alerts?" + urlencode({"filter": 'smoke_id="{0}"'.format(value)})


def suppressed(alerts: Sequence[Mapping[str, t.Any]], silence_id: str) -> bool:
    """Whether the alert is there and held back by our own silence."""
    return any(
        item["status"]["state"] == "suppressed" and silence_id in item["status"]["silencedBy"] for item in alerts
    )
