# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Take the place of other services of this collection: ``replaces``.

The new one runs, proven, before the old one is asked to pass on what it has, stopped and removed; its data stays. What
is still to be done is seen from the host alone, so a run that was killed at any point is healed by the next: a service
that is there, has run and is enabled still has something; one that is disabled and does not run has been stopped here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ._adoption import is_ours
from ._errors import StackError
from ._generation import Generation
from ._hooks import run_hook
from ._layout import Layout
from ._lock import locked
from ._outcome import Outcome
from ._phase import phase
from ._removal import remove_service
from ._stage import load_generation
from ._systemd import state_of, systemctl
from ._wish import Wish


def prepare(root: str, names: Sequence[str]) -> bool:
    """Before the new service starts: whether it may begin where it stands now, since the others read on meanwhile.

    One that does not run passes nothing on; it is disabled, so that it is not waited for later on.
    """
    all_run = True
    for name in names:
        unit = Layout(root=root, name=name).unit_name
        state = state_of(unit)
        if not state.is_active:
            all_run = False
            if state.is_enabled:
                systemctl("disable", unit)
    return bool(names) and all_run


def foretell(root: str, names: Sequence[str]) -> list[dict[str, str]]:
    """What would be removed, as entries of a diff."""
    found: list[dict[str, str]] = []
    for name in names:
        found += remove_service(_absent(root, name), Layout(root=root, name=name), Outcome(), check_mode=True).diff
    return found


def replace(root: str, name: str, *, by: str, patience: float) -> None:
    """Let a service pass on what it has, then stop and remove it, data kept.

    Raises:
        StackError: it could not pass everything on, or not be stopped. Nothing is lost: it stays, and so does the new.
    """
    layout = Layout(root=root, name=name)
    with locked(layout.lock, name=name, patience=patience):
        state = state_of(layout.unit_name)
        generation = _current(layout)
        environment = {"OBS_REPLACED_BY": by}
        if state.is_active:
            _ask(layout, generation, "hand_over", by, environment)
            phase("handed-over")
        elif state.is_enabled:
            raise _refused(
                name, by, f"{layout.unit_name} does not run, so that nobody knows whether all it had was passed on"
            )
        systemctl("disable", layout.unit_name)
        systemctl("stop", layout.unit_name)
        phase("replaced-stopped")
        _ask(layout, generation, "finish", by, environment)
        remove_service(_absent(root, name), layout, Outcome(), check_mode=False)
        phase("replaced")


def _ask(layout: Layout, generation: Generation | None, which: str, by: str, environment: dict[str, str]) -> None:
    argv = generation.manifest["data"].get(which) if generation is not None else None
    if generation is None or not argv or not is_ours(layout.unit_file):
        return
    try:
        run_hook(layout, generation, which, list(argv), environment)
    except StackError as error:
        raise _refused(layout.name, by, error.why) from error


def _refused(name: str, by: str, why: str) -> StackError:
    return StackError(
        f"Could not replace {name} by {by}",
        why=why,
        hint=f"{by} is in place and {name} is still there. Mend it and run again, or give up what {name} has "
        "and remove it with state: absent.",
        step="replace",
        doc="replace",
    )


def _current(layout: Layout) -> Generation | None:
    number = layout.current_number()
    try:
        return load_generation(layout, number) if number else None
    except StackError:
        return None


def _absent(root: str, name: str) -> Wish:
    return Wish(name=name, root=root, state="absent")
