# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""``state: absent``: take a service away, and keep its data unless told otherwise."""

from __future__ import annotations

import os

from ._adoption import is_ours
from ._errors import StackError
from ._files import remove_file, remove_tree
from ._layout import Layout
from ._outcome import Outcome
from ._systemd import daemon_reload, reset_failed, state_of, systemctl
from ._wish import Wish


def remove_service(wish: Wish, layout: Layout, outcome: Outcome, *, check_mode: bool) -> Outcome:
    """Stop, disable and remove a service of ours.

    Its account stays (files elsewhere may belong to it), its data stays unless ``purge_data``.
    """
    there = [layout.home] if os.path.isdir(layout.home) else []
    if os.path.islink(layout.etc_link) and os.readlink(layout.etc_link) == layout.current_etc:
        there.append(layout.etc_link)
    if is_ours(layout.unit_file):
        there.append(layout.unit_file)
    if os.path.isdir(layout.obs_etc) and there:
        there.append(layout.obs_etc)
    if wish.purge_data and wish.data_path and os.path.isdir(wish.data_path):
        there.append(wish.data_path)
    outcome.action = "remove" if there else "none"
    outcome.changed = bool(there)
    outcome.reasons = ["remove " + path for path in there]
    text = "".join(path + "\n" for path in there)
    outcome.diff = (
        [{"before_header": wish.name, "after_header": wish.name, "before": text, "after": ""}] if there else []
    )
    if check_mode or not there:
        return outcome
    if layout.unit_file in there:
        systemctl("disable", layout.unit_name)
        systemctl("stop", layout.unit_name)
        state = state_of(layout.unit_name)
        if state.is_active:
            raise StackError(f"Could not stop {layout.unit_name}", why=f"it is {state.sub}", step="act", doc="systemd")
        remove_file(layout.unit_file)
        daemon_reload()
        reset_failed(layout.unit_name)
    if layout.etc_link in there:
        remove_file(layout.etc_link)
    if os.path.exists(layout.masked):
        # Imported when needed, as in _transaction.
        from ._distribution import unmask_units

        unmask_units(layout)
    # The lock's file goes last, with the folder it is in.
    for path in (layout.obs_etc, wish.data_path if wish.purge_data else "", layout.home):
        if path:
            remove_tree(path)
    return outcome
