# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What is known to be wrong before anything changes: data that is not ours or gone, a port that is taken."""

from __future__ import annotations

import os
import time

from ._accounts import ids_of
from ._errors import StackError
from ._inspect import Host
from ._periods import refused_change
from ._plan import Plan
from ._process import family_of, listeners, name_of, overlaps, owner_of
from ._systemd import state_of
from ._wish import Wish


def refuse_what_is_wrong(wish: Wish, *, host: Host, plan: Plan) -> list[str]:
    """Refuse what can be known to be wrong before anything changes.

    Returns:
        Warnings about what is allowed and may surprise.

    Raises:
        StackError: the data folder is somebody else's or gone, or the port is taken.
    """
    warnings = []
    ids = ids_of(wish.account)
    path = wish.data_path
    if path and os.path.isdir(path) and ids and os.stat(path).st_uid != ids[0]:
        raise StackError(
            f"Could not use the data folder {path} of {wish.name}",
            why="it belongs to user id {}, the service runs as {} (user id {})".format(
                os.stat(path).st_uid, wish.account["user"], ids[0]
            ),
            hint="Give it to {} by hand (it is never changed recursively), or name another folder.".format(
                wish.account["user"]
            ),
            step="plan",
            doc="data",
        )
    old = host.current
    if path and old is not None and old.data_path != path:
        warnings.append(
            f"{wish.name} will keep its data in {path}; what is in {old.data_path} stays there and is not read."
        )
    elif path and old is not None and not os.path.isdir(path):
        raise StackError(
            f"Could not find the data folder {path} of {wish.name}",
            why=f"it was there when {old.label} was installed, and this run does not begin empty",
            hint="Mount it, or make it empty by hand if the data is really to be given up.",
            step="plan",
            doc="data",
        )
    if plan.new_generation and wish.data.get("periods"):
        _refuse_changed_periods(wish, host)
    if plan.effect in ("start", "restart"):
        _refuse_taken_port(wish, host)
    return warnings


def _refuse_changed_periods(wish: Wish, host: Host) -> None:
    before = host.current.manifest["data"].get("periods") or [] if host.current is not None else []
    reason = refused_change(before, wish.data["periods"], time.strftime("%Y-%m-%d", time.gmtime()))
    if reason:
        raise StackError(
            f"Could not change the periods of {wish.name}'s data",
            why=reason,
            hint="What was written in a period is read by its description: keep it, and add one that begins tomorrow or"
            " later. Nothing was changed.",
            step="plan",
            doc="periods",
        )


def _refuse_taken_port(wish: Wish, host: Host) -> None:
    probe = wish.probe
    if not probe.get("port"):
        return
    port, address = int(probe["port"]), str(probe.get("address") or "127.0.0.1")
    ours = [host.unit.main_pid] + [state_of(unit).main_pid for unit in host.foreign.units]
    family = {pid for main in ours if main for pid in family_of(main)}
    for entry in listeners(port):
        if not overlaps(address, entry.address):
            continue
        owner = owner_of(entry.inode)
        if owner is None or owner in family:
            continue
        raise StackError(
            f"Could not start {wish.name} on port {port}",
            why=f"{name_of(owner)} (process {owner}) listens there",
            hint=f"Stop it, or choose another port for {wish.name}. Nothing was changed.",
            step="plan",
            doc="port",
        )
