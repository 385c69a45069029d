# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Prove that a service does what it should: ready, by its own process, on the configuration it was told to load."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._errors import StackError
from ._http import Endpoint
from ._metrics import gauge, labelled
from ._process import family_of, listeners, name_of, overlaps, owner_of, sockets_of
from ._systemd import UnitState, journal_of, restart_key_of, state_of, systemctl

PAUSE = 0.2
"""Seconds between two looks at a service."""

RELOAD_SECONDS = 120

COMPLAINT = re.compile(r"err|fail|alert|cannot", re.IGNORECASE)


@dataclass(frozen=True)
class ReloadMark:
    """What a service says of its last reload: whether it succeeded, and when the last good one was."""

    success: float | None
    timestamp: float | None


def reload_verdict(before: ReloadMark, now: ReloadMark, *, flagged: bool = True) -> bool | None:
    """Whether a reload has been proven (True), has failed (False), or is not decided yet (None).

    A new time of success is the proof; a success flag that fell is the failure. A flag that was down before
    says nothing about this reload. ``flagged``: False for a service that only tells the time; it never says that a
    reload failed.
    """
    if now.timestamp is None or (flagged and now.success is None):
        return None
    if not flagged:
        return True if now.timestamp != before.timestamp else None
    if now.success == 1 and now.timestamp != before.timestamp:
        return True
    if now.success == 0 and before.success != 0:
        return False
    return None


def dead_reason(state: UnitState, *, invocation: str) -> str:
    """Why a service that was started counts as dead, "" while it lives."""
    if state.active == "failed" or state.sub == "auto-restart":
        return f"its process {state.end}"
    if state.active in ("inactive", "deactivating"):
        return f"it stopped again ({state.end})"
    if invocation and state.invocation != invocation:
        return "it was started anew meanwhile"
    return ""


def value_at(document: Any, path: str) -> Any:
    """The value a dotted path names ("cluster.peers", "data.result.0.value.1"), None when there is none."""
    for step in path.split(".") if path else []:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.lstrip("-").isdigit() and -len(document) <= int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def measure(document: Any, condition: Mapping[str, Any]) -> Any:
    """What a settle condition looks at: the value at its path, or how many there are."""
    value = value_at(document, str(condition.get("json") or ""))
    if condition.get("count"):
        return len(value) if isinstance(value, (list, dict)) else 0
    return value


def settled(value: Any, condition: Mapping[str, Any], before: Any) -> bool:
    """Whether a measured value satisfies a settle condition; ``before`` is what it was before the change."""
    if "equals" in condition and condition["equals"] is not None:
        return str(value) == str(condition["equals"])
    wanted = condition.get("at_least")
    if wanted == "before":
        if before is None:
            return True
        wanted = before
    try:
        return float(value) >= float(wanted if wanted is not None else "nan")
    except (TypeError, ValueError):
        return False


def _complaints(invocation: str, lines: int) -> str:
    """What sounds like errors among the last lines of a service's journal; "" when nothing does."""
    said = [line.strip() for line in journal_of(invocation, lines=lines) if COMPLAINT.search(line)]
    return " | ".join(said[-3:])[:1200]


class Prober:
    """Watches one unit through its endpoint.

    Args:
        name: service name.
        endpoint: where it answers, or None for a service without a port.
        probe: ``path`` and ``status`` of readiness.
    """

    def __init__(self, name: str, endpoint: Endpoint | None, probe: Mapping[str, Any]) -> None:
        self.name = name
        self.unit = name + ".service"
        self.endpoint = endpoint
        self.path = str(probe.get("path") or "/")
        self.statuses = [int(status) for status in probe.get("status") or [200]]

    def wait_ready(self, *, timeout: float, restart_key: str) -> UnitState:
        """Wait until the service is ready and proven to be the one that was asked for.

        A dead process fails at once; a living one may take its time.

        Args:
            timeout: seconds a living process may take.
            restart_key: the key its environment must show.

        Raises:
            StackError: with the reason and the last lines of its journal.
        """
        deadline = time.monotonic() + timeout
        invocation = ""
        last = "it has not answered"
        while True:
            state = state_of(self.unit)
            invocation = invocation or state.invocation
            dead = dead_reason(state, invocation=invocation)
            if dead:
                raise self._failure(dead, invocation)
            if state.is_active:
                try:
                    last = self._ask()
                except ssl.SSLCertVerificationError as error:
                    # Waiting cannot heal that.
                    raise self._failure(
                        f"its certificate is not to be trusted ({error.verify_message})", invocation
                    ) from error
                if not last:
                    last = self._not_ours(state)
                if not last and restart_key and restart_key_of(state.main_pid) != restart_key:
                    last = "the process that answers was not started from this generation"
                if not last:
                    again = state_of(self.unit)
                    dead = dead_reason(again, invocation=invocation)
                    if dead or again.restarts != state.restarts:
                        raise self._failure(dead or "it was restarted meanwhile", invocation)
                    return again
            if time.monotonic() >= deadline:
                raise self._failure(f"not ready within {timeout:.0f} s: {last}", invocation)
            time.sleep(PAUSE)

    def _ask(self) -> str:
        """ "" when ready, else what was seen."""
        if self.endpoint is None:
            return ""
        try:
            status, body = self.endpoint.get(self.path)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            return f"{self.endpoint.url(self.path)} does not answer ({error})"
        if status in self.statuses:
            return ""
        return "{} answers {} {}".format(
            self.endpoint.url(self.path), status, body[:200].decode("utf-8", "replace").strip()
        )

    def _not_ours(self, state: UnitState) -> str:
        """ "" when the socket that answers belongs to the unit's process."""
        if self.endpoint is None:
            return ""
        family = family_of(state.main_pid)
        held = {inode for pid in family for inode in sockets_of(pid)}
        candidates = [item for item in listeners(self.endpoint.port) if overlaps(self.endpoint.address, item.address)]
        # A name instead of an address, or a socket handed over by systemd, cannot be told by its address.
        candidates = candidates or listeners(self.endpoint.port)
        if not candidates or any(item.inode in held for item in candidates):
            return ""
        owner = owner_of(candidates[0].inode)
        return "port {} is answered by another process ({} {})".format(
            self.endpoint.port, name_of(owner) if owner else "unknown", owner or ""
        ).strip()

    def _failure(self, why: str, invocation: str) -> StackError:
        state = state_of(self.unit)
        said = journal_of(invocation, pid=state.exec_pid if state.invocation == invocation else 0)
        quote = "; it said: " + " | ".join(line.strip()[:300] for line in said[-4:]) if said else ""
        return StackError(f"{self.name} did not get ready", why=why + quote, step="probe", doc="probe")

    def reload_mark(self, proof: Mapping[str, Any]) -> ReloadMark:
        """Read what the service says of its last reload; unknown while it does not answer."""
        if self.endpoint is None or not proof:
            return ReloadMark(None, None)
        try:
            status, body = self.endpoint.get(str(proof.get("path") or "/metrics"))
        except OSError:
            return ReloadMark(None, None)
        text = body.decode("utf-8", "replace") if status == 200 else ""
        success = gauge(text, str(proof["success"])) if proof.get("success") else None
        return ReloadMark(success, gauge(text, str(proof["timestamp"])))

    def reload(self, spec: Mapping[str, Any]) -> None:
        """Signal a reload and wait for its proof.

        Raises:
            StackError: the service says that it failed, died, or never said.
        """
        proof = spec.get("proof") or {}
        before = self.reload_mark(proof)
        invocation = state_of(self.unit).invocation
        systemctl("reload", self.unit)
        deadline = time.monotonic() + float(spec.get("timeout") or RELOAD_SECONDS)
        while True:
            state = state_of(self.unit)
            dead = dead_reason(state, invocation=invocation)
            if dead:
                raise self._failure(dead, invocation)
            flagged = bool(proof.get("success"))
            verdict = reload_verdict(before, self.reload_mark(proof), flagged=flagged) if proof else True
            if verdict:
                return
            if verdict is False:
                raise self._refused(_complaints(invocation, 20) or "{} is 0".format(proof["success"]))
            if time.monotonic() >= deadline:
                late = "no proof of the reload within {} s".format(spec.get("timeout") or RELOAD_SECONDS)
                complaints = "" if flagged else _complaints(invocation, 60)
                raise self._refused(f"{late}; it said: {complaints}") if complaints else self._failure(late, invocation)
            time.sleep(PAUSE)

    def _refused(self, why: str) -> StackError:
        return StackError(f"{self.name} refused the new configuration", why=why, step="reload", doc="reload")

    def measure_all(self, conditions: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Measure every settle condition now; None where the service does not tell."""
        return [self._measure(condition) for condition in conditions]

    def _measure(self, condition: Mapping[str, Any]) -> Any:
        if self.endpoint is None:
            return None
        try:
            status, body = self.endpoint.get(str(condition["path"]))
            text = body.decode("utf-8", "replace")
            if status != 200:
                return None
            if condition.get("metric"):
                return labelled(text, str(condition["metric"]))
            return measure(json.loads(text), condition)
        except (OSError, ValueError):
            return None

    def wait_settled(self, conditions: Sequence[Mapping[str, Any]], before: Sequence[Any], *, timeout: float) -> None:
        """Wait until the service has its place in its cluster again.

        Raises:
            StackError: naming the first condition that did not come true.
        """
        deadline = time.monotonic() + timeout
        while True:
            now = self.measure_all(conditions)
            missing = [
                (condition, value)
                for condition, value, earlier in zip(conditions, now, before)
                if not settled(value, condition, earlier)
            ]
            if not missing:
                return
            if time.monotonic() >= deadline:
                condition, value = missing[0]
                wanted = condition.get("equals", condition.get("at_least"))
                raise StackError(
                    f"{self.name} is ready but has not settled within {timeout:.0f} s",
                    why="{} {} is {}, wanted {}".format(
                        condition["path"], condition.get("metric") or condition.get("json") or "", value, wanted
                    ),
                    hint="The new version stays. Look at the other members of its cluster, then run again.",
                    step="settle",
                    doc="settle",
                )
            time.sleep(1)
