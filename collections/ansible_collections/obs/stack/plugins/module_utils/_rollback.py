# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Go back by hand to a generation that is still there, and hold it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ._accounts import ids_of
from ._check import check_generation
from ._errors import StackError
from ._files import remove_file, write_json
from ._generation import Generation, changed_files, effect_of_files
from ._inspect import Host, inspect
from ._layout import Layout
from ._lock import locked
from ._masking import Masker
from ._outcome import masked_error
from ._periods import refused_change
from ._plan import no_return_reason
from ._stage import load_generation, secrets_on_disk, unit_digest_of
from ._switch import Switch


def previous_of(generations: Sequence[Generation], current: int) -> int | None:
    """The generation that ran, proven, before the current one; None when there is none. Pure.

    Not simply the next lower number: after a rollback and a new wish that is the one rolled back from.
    """
    proven = [
        (str(one.manifest.get("committed") or ""), one.number)
        for one in generations
        if one.number != current and one.manifest.get("state") == "committed"
    ]
    return max(proven)[1] if proven else None


def _readable(layout: Layout) -> list[Generation]:
    found = []
    for number in layout.generation_numbers():
        try:
            found.append(load_generation(layout, number))
        except StackError:
            continue  # A damaged one is nothing to go back to.
    return found


def _periods_reason(current: Generation, target: Generation) -> str:
    """Why the target could not read what is written now, "" when it can."""
    before = current.manifest["data"].get("periods") or []
    after = target.manifest["data"].get("periods") or []
    return refused_change(before, after, time.strftime("%Y-%m-%d", time.gmtime())) if before else ""


def _refusal(name: str, why: str) -> StackError:
    return StackError(
        f"Could not roll {name} back",
        why=why,
        hint="obs.stack.release_service_info lists what is there.",
        step="plan",
        doc="hold",
    )


def effect_between(old: Generation, new: Generation, *, active: bool, running_key: str) -> str:
    """The least that brings a process from one generation to another. Pure."""
    if not active:
        return "start"
    if running_key != new.restart_key:
        return "restart"
    changed = changed_files(old.files, new.files)
    return effect_of_files(changed, old.files, new.files, reloads=bool(new.reload.get("signal")))


def roll_back(
    root: str,
    name: str,
    *,
    to: str,
    by: str,
    force: bool,
    check_mode: bool,
    patience: float,
    deploy: Mapping[str, Any],
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Switch to an earlier generation and note the hold.

    Args:
        to: "previous" or a number.
        by: who asks, for the note.
        force: go back although the data may not be readable by the older version.
        deploy: whom it is told, as _deploy_option.DEPLOY has it.
        warn: takes what did not work.

    Raises:
        StackError: there is no such generation, going back would harm the data, or it does not get ready.
    """
    layout = Layout(root=root, name=name)
    if layout.current_number() is None:
        raise _refusal(name, f"it is not installed on this host (no {layout.current})")
    with locked(layout.lock, name=name, patience=patience):
        host = inspect(layout)
        current = host.current
        if current is None:
            raise _refusal(name, "its current generation cannot be read")
        if host.hold and to == "previous":
            return _answer(host, current, current, "none", hold=dict(host.hold), changed=False)
        if not (to == "previous" or to.isdigit()):
            raise _refusal(name, f"{to!r} is neither 'previous' nor the number of a generation")
        number = previous_of(_readable(layout), current.number) if to == "previous" else int(to)
        if number is None:
            raise _refusal(name, "there is no earlier proven generation on this host")
        target = load_generation(layout, number)
        reason = no_return_reason(current.manifest["data"], newer=current.version, older=target.version)
        reason = reason or _periods_reason(current, target)
        if reason and not force:
            raise _refusal(name, f"{target.label} may not follow {current.label}: {reason}")
        effect = effect_between(current, target, active=host.unit.is_active, running_key=host.found.running_key)
        hold = {
            "digest": current.digest,
            "generation": target.number,
            "version": target.version,
            "from_version": current.version,
            "from": current.number,
            "by": by,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        if target.number == current.number:
            return _answer(host, current, target, "none", hold=dict(host.hold), changed=False)
        if not check_mode:
            masker = Masker(secrets_on_disk(layout, current) + secrets_on_disk(layout, target))
            # Noted before the flip: a run killed within must not be undone by the next site.yml.
            write_json(layout.hold, hold)
            try:
                with _quiet(deploy, name, target, effect, warn):
                    _switch(layout, host, current, target, effect)
            except StackError as error:
                if host.hold:
                    write_json(layout.hold, dict(host.hold))
                else:
                    remove_file(layout.hold)
                raise masked_error(error, masker) from None
        return _answer(host, current, target, effect, hold=hold, changed=True)


def _quiet(
    deploy: Mapping[str, Any], name: str, target: Generation, effect: str, warn: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Holds back the alerts that going back itself raises."""
    if effect not in ("restart", "stop") or not deploy.get("silences"):
        return nullcontext()
    from ._quiet import longest, quiet

    lasts = longest(float(target.manifest["ready_timeout"]))
    return quiet(deploy, service=name, lasts=lasts, why=f"roll back to {target.label}", warn=warn)


def _switch(layout: Layout, host: Host, current: Generation, target: Generation, effect: str) -> None:
    ids = ids_of(target.manifest["account"])
    if ids is None:
        raise _refusal(layout.name, f"the account of {target.label} is gone")
    title = f"Could not roll {layout.name} back from {current.label} to {target.label}"
    check_generation(
        layout,
        target,
        layout.generation(target.number),
        title=title,
        unchanged=f"Nothing was changed: {current.label} still runs",
    )
    Switch(
        layout=layout,
        old=current,
        new=target,
        effect=effect,
        gid=ids[1],
        write_unit=unit_digest_of(layout.unit_file) != target.manifest["unit"],
        action="roll back",
    ).perform()


def _answer(
    host: Host, old: Generation, new: Generation, effect: str, *, hold: dict[str, Any], changed: bool
) -> dict[str, Any]:
    def text(generation: Generation, held: bool) -> str:
        return f"version: {generation.version}\ngeneration: {generation.number}\nheld: {held}\n"

    return {
        "changed": changed,
        "from": {"version": old.version, "generation": old.number},
        "to": {"version": new.version, "generation": new.number},
        "reloaded": effect == "reload",
        "restarted": effect == "restart",
        "hold": hold,
        "diff": {
            "before": text(old, bool(host.hold)),
            "after": text(new, bool(hold)),
            "before_header": host.unit.fragment or "service",
            "after_header": host.unit.fragment or "service",
        },
    }


def lift(root: str, name: str, *, check_mode: bool, patience: float) -> dict[str, Any]:
    """Lift a hold.

    Raises:
        StackError: the service is not installed.
    """
    layout = Layout(root=root, name=name)
    if layout.current_number() is None:
        raise _refusal(name, f"it is not installed on this host (no {layout.current})")
    with locked(layout.lock, name=name, patience=patience):
        host = inspect(layout)
        if host.current is None:
            raise _refusal(name, "its current generation cannot be read")
        if host.hold and not check_mode:
            remove_file(layout.hold)
        return _answer(host, host.current, host.current, "none", hold={}, changed=bool(host.hold))
