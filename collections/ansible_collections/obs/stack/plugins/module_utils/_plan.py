# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The one place that decides what a run does: wanted against found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._digest import version_key
from ._generation import changed_files, effect_of_files


@dataclass(frozen=True)
class Desired:
    """What is wanted, as digests."""

    state: str
    enabled: bool
    version: str
    release_id: str
    digest: str
    restart_key: str
    unit_digest: str
    files: Mapping[str, Mapping[str, Any]]
    live: Mapping[str, str]
    reloads: bool


@dataclass(frozen=True)
class Found:
    """What is there.

    Attributes:
        generation: number that `current` names, or None.
        version, release_id, digest: of that generation's manifest.
        files: its files as they are on disk now, so an edit by hand shows.
        intact: links, run.env, data folder and release are where they belong.
        unit_digest: of the unit file on disk, "" when missing.
        unit_known: systemd has read the unit file as it is.
        running_key: restart key of the running process, "" when it has none.
        owed: "reload" when an interrupted run may have left the process on another configuration, else "".
        unproven: generation an interrupted run flipped to without proof, or None.
        interrupted: an earlier run has left its note.
        held: digest that a rollback by hand holds back, or "".
        live: digests of our live files on disk.
        foreign: what another installation of the same service left, in words.
        replaced: services that this one replaces and that are still there.
    """

    generation: int | None = None
    version: str = ""
    release_id: str = ""
    digest: str = ""
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intact: bool = True
    unit_digest: str = ""
    unit_known: bool = True
    enabled: bool = False
    active: bool = False
    running_key: str = ""
    owed: str = ""
    unproven: int | None = None
    interrupted: bool = False
    held: str = ""
    live: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes:
        action: none, install, adopt, upgrade, downgrade, reinstall, reconfigure, heal, start, stop, replace, held.
        effect: none, reload, restart, start or stop: the least that suffices.
        new_generation: whether a generation is staged and flipped to.
        write_unit: whether the unit file is written.
        prove: whether the running service is probed though nothing acts on it.
        close: whether the note of an interrupted run is to be struck out.
        replaced: services that pass on what they have and are removed once this one runs.
        reasons: why, in words, for the diff.
    """

    action: str = "none"
    effect: str = "none"
    new_generation: bool = False
    write_unit: bool = False
    repair: bool = False
    enable: bool | None = None
    live_changed: tuple[str, ...] = ()
    live_removed: tuple[str, ...] = ()
    prove: bool = False
    close: bool = False
    replaced: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(
            self.new_generation
            or self.write_unit
            or self.repair
            or self.effect != "none"
            or self.enable is not None
            or self.live_changed
            or self.live_removed
            or self.close
            or self.replaced
        )

    @property
    def interrupts(self) -> bool:
        """Whether what runs is stopped, if only to be started anew."""
        return self.effect in ("restart", "stop") or self.action == "adopt"

    @property
    def reloaded(self) -> bool:
        return self.effect == "reload"

    @property
    def restarted(self) -> bool:
        return self.effect == "restart"


def _kind_of_change(desired: Desired, found: Found) -> str:
    if found.generation is None:
        return "adopt" if found.foreign else "install"
    if desired.version != found.version:
        newer = version_key(desired.version) > version_key(found.version)
        return "upgrade" if newer else "downgrade"
    return "reconfigure" if desired.release_id == found.release_id else "reinstall"


def _effect(desired: Desired, found: Found, changed: list[str], new_generation: bool, reasons: list[str]) -> str:
    """The least that brings the process to what is wanted."""
    if desired.state == "stopped":
        if found.active:
            reasons.append("the service runs and is to be stopped")
            return "stop"
        return "none"
    if not found.active:
        reasons.append("the service does not run")
        return "start"
    if found.running_key != desired.restart_key:
        if not new_generation:
            reasons.append("the running process is not what is installed: a restart got lost")
        return "restart"
    if found.owed == "reload":
        reasons.append("an earlier run owes a reload")
        return "reload" if desired.reloads else "restart"
    if new_generation:
        return effect_of_files(changed, found.files, desired.files, reloads=desired.reloads)
    return "none"


def make_plan(desired: Desired, found: Found) -> Plan:
    """Compare what is wanted with what is there."""
    if found.held and found.held == desired.digest:
        return Plan(action="held", reasons=("a rollback by hand holds exactly this wish back",))

    reasons: list[str] = []
    changed = changed_files(found.files, desired.files)
    new_generation = found.generation is None or desired.digest != found.digest or bool(changed)
    if found.generation is not None:
        reasons += _release_reasons(desired, found)
        if changed:
            reasons.append("files: " + ", ".join(changed))
    effect = _effect(desired, found, changed, new_generation, reasons)
    write_unit = found.unit_digest != desired.unit_digest or not found.unit_known
    if write_unit:
        reasons.append("unit file")
    if not found.intact:
        reasons.append("links or folders are not in place")
    live_changed = tuple(sorted(path for path, digest in desired.live.items() if found.live.get(path) != digest))
    live_removed = tuple(sorted(set(found.live) - set(desired.live)))
    if live_changed or live_removed:
        reasons.append("live files: " + ", ".join(live_changed + live_removed))
    if found.unproven is not None and not new_generation:
        reasons.append(f"generation {found.unproven} came up without proof")
    elif found.interrupted:
        reasons.append("an earlier run was interrupted")
    replaced = found.replaced if desired.state == "started" else ()
    reasons += [f"{name} is replaced" for name in replaced]
    plan = Plan(
        effect=effect,
        new_generation=new_generation,
        write_unit=write_unit,
        repair=not found.intact,
        enable=desired.enabled if desired.enabled != found.enabled else None,
        live_changed=live_changed,
        live_removed=live_removed,
        prove=found.interrupted and not new_generation and desired.state == "started",
        close=found.interrupted,
        replaced=replaced,
        reasons=tuple(reasons),
    )
    return replace(plan, action=_action(plan, desired, found))


def _release_reasons(desired: Desired, found: Found) -> list[str]:
    if desired.version != found.version:
        return [f"version {found.version} -> {desired.version}"]
    if desired.release_id != found.release_id:
        return [f"release {found.release_id} -> {desired.release_id}"]
    return []


def _action(plan: Plan, desired: Desired, found: Found) -> str:
    """One word for what a plan does."""
    if plan.new_generation:
        return _kind_of_change(desired, found)
    if (found.active and plan.effect in ("restart", "reload")) or plan.close:
        return "heal"
    if plan.effect in ("start", "stop"):
        return plan.effect
    if plan.write_unit or plan.repair:
        return "heal"
    if replace(plan, replaced=()).changed:
        return "reconfigure"
    return "replace" if plan.replaced else "none"


def no_return_reason(data: Mapping[str, Any], *, newer: str, older: str) -> str:
    """Why the data that ``newer`` has touched may not go back to ``older``; "" when it may.

    Args:
        data: with ``no_return``: a list of {at_least, less_than, below, reason}; a version within
            [at_least, less_than) that has started may not be followed by one below ``below``.
    """
    for rule in data.get("no_return") or []:
        start, end = str(rule.get("at_least") or ""), str(rule.get("less_than") or "")
        if start and version_key(newer) < version_key(start):
            continue
        if end and version_key(newer) >= version_key(end):
            continue
        if version_key(older) < version_key(str(rule["below"])):
            return str(rule.get("reason") or "its data cannot be read by a version below {}".format(rule["below"]))
    return ""


def plan_text(plan: Plan, *, before: dict[str, Any], after: dict[str, Any]) -> tuple[str, str]:
    """The plan as two small documents for --diff: what is, what will be."""

    def document(values: dict[str, Any]) -> str:
        return "".join(f"{key}: {value}\n" for key, value in values.items())

    after = dict(after, action=plan.action, effect=plan.effect)
    if plan.reasons:
        after["because"] = "; ".join(plan.reasons)
    return document(before), document(after)
