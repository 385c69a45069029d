# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Read everything a plan needs to know of a service on this host; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._adoption import Foreign, find_foreign, is_ours
from ._digest import host_key
from ._errors import StackError
from ._files import read_bytes, read_json
from ._generation import Generation
from ._layout import NOTHING, Layout, still_there
from ._plan import Found
from ._releases import release_is_whole
from ._stage import files_on_disk, live_digests, load_generation, run_env_is_whole, unit_digest_of
from ._systemd import UnitState, restart_key_of, state_of
from ._wish import Wish


@dataclass(frozen=True)
class Host:
    """A service as found.

    Attributes:
        unit: systemd's view.
        current: the generation `current` names, or None.
        proven: the generation to go back to when a change fails: `current`, unless it came up without proof.
        pending: the note of an interrupted switch, or {}.
        hold: the note of a rollback by hand, or {}.
        live: our live files on disk: path -> digest.
        key: HMAC key of the host.
        found: all of it as the planner reads it.
    """

    unit: UnitState
    current: Generation | None
    proven: Generation | None
    pending: Mapping[str, Any]
    hold: Mapping[str, Any]
    live: Mapping[str, str]
    foreign: Foreign
    key: bytes
    found: Found
    warnings: list[str] = field(default_factory=list)


def _load(layout: Layout, number: int | None) -> Generation | None:
    if not number:
        return None
    try:
        return load_generation(layout, number)
    except StackError:
        return None


def inspect(layout: Layout, wish: Wish | None = None, *, create_key: bool = False) -> Host:
    """Read the state of a service.

    Args:
        wish: to know where another installation would be; None looks only at our own.
        create_key: make the host's HMAC key when it is missing (not in check mode).

    Raises:
        StackError: the unit is masked, or a note cannot be read.
    """
    unit = state_of(layout.unit_name)
    if unit.is_masked and wish is not None and wish.state != "absent":
        raise StackError(
            f"Could not manage {layout.name}",
            why="its unit is masked: somebody wants it never to start",
            hint=f"Unmask it on the host (systemctl unmask {layout.name}), or set {layout.name}_state: absent.",
            step="plan",
            doc="masked",
        )
    key = host_key(layout.hmac_key, create=create_key)
    number = layout.current_number()
    current = _load(layout, number)
    pending: dict[str, Any] = read_json(layout.pending) or {}
    hold: dict[str, Any] = read_json(layout.hold) or {}
    record: dict[str, str] = read_json(layout.live_record) or {}
    live = live_digests(layout, record)
    unproven = number if pending and current is not None and pending.get("to") == number else None
    proven = current
    if unproven is not None:
        proven = _load(layout, int(pending.get("from") or NOTHING))

    foreign = Foreign()
    if current is None and wish is not None:
        foreign = find_foreign(wish, layout, unit)
        if pending.get("takeover") and not foreign.findings:
            foreign = Foreign(("an adoption that was interrupted",))

    warnings = []
    if unit.drop_ins:
        warnings.append("{} has drop-ins, which are left alone: {}".format(layout.unit_name, ", ".join(unit.drop_ins)))
    found = Found(foreign=foreign.findings, held=str(hold.get("digest") or ""), live=live)
    if current is not None:
        found = Found(
            generation=current.number,
            version=current.version,
            release_id=current.release_id,
            digest=current.digest,
            files=files_on_disk(layout, current, key),
            intact=_is_intact(layout, current),
            unit_digest=unit_digest_of(layout.unit_file),
            unit_known=not unit.needs_reload,
            enabled=unit.is_enabled,
            active=unit.is_active,
            running_key=restart_key_of(unit.main_pid),
            owed="reload" if pending.get("effect") == "reload" else "",
            unproven=unproven,
            interrupted=bool(pending),
            held=str(hold.get("digest") or ""),
            live=live,
        )
    elif unit.exists and not foreign.findings:
        # What an interrupted first install left; or an adopted host's own unit, which counts as not running.
        found = Found(
            unit_digest=unit_digest_of(layout.unit_file) if is_ours(layout.unit_file) else "",
            unit_known=not unit.needs_reload,
            enabled=unit.is_enabled,
            live=live,
        )
    if wish is not None and wish.replaces:
        found = replace(found, replaced=still_there(wish.root, wish.replaces))
    return Host(
        unit=unit,
        current=current,
        proven=proven,
        pending=pending,
        hold=hold,
        live=live,
        foreign=foreign,
        key=key,
        found=found,
        warnings=warnings,
    )


def _is_intact(layout: Layout, generation: Generation) -> bool:
    """Whether all that surrounds a generation's files is where it belongs."""
    link_right = os.path.islink(layout.etc_link) and os.readlink(layout.etc_link) == layout.current_etc
    return (
        link_right
        and run_env_is_whole(layout, generation)
        and release_is_whole(layout, generation.release_id)
        and os.path.isdir(layout.live)
    )


def text_of(path: str) -> str:
    """A file as text for a diff, "" when it is missing."""
    return (read_bytes(path) or b"").decode("utf-8", "replace")
