# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""System accounts of services."""

from __future__ import annotations

import grp
import pwd
from typing import Any, List, Mapping, Optional, Tuple

from ._errors import StackError
from ._systemd import run


def ids_of(account: Mapping[str, Any]) -> Optional[Tuple[int, int]]:
    """(uid, gid) of an account, or None while user or group is missing."""
    try:
        return pwd.getpwnam(account["user"]).pw_uid, grp.getgrnam(account["group"]).gr_gid
    except KeyError:
        return None


def missing_parts(account: Mapping[str, Any]) -> List[str]:
    """What is missing of an account: "group x", "user x"."""
    missing = []
    try:
        grp.getgrnam(account["group"])
    except KeyError:
        missing.append("group {0}".format(account["group"]))
    try:
        pwd.getpwnam(account["user"])
    except KeyError:
        missing.append("user {0}".format(account["user"]))
    return missing


def ensure_account(account: Mapping[str, Any], *, home: str) -> Tuple[int, int]:
    """Make what is missing of an account; an existing one keeps its ids and its home.

    Raises:
        StackError: a supplementary group is missing, or the host's tools refuse.
    """
    for group in account.get("groups") or []:
        try:
            grp.getgrnam(group)
        except KeyError as error:
            raise StackError(
                "Could not add {0} to group {1}".format(account["user"], group),
                why="the host has no such group",
                hint="Make the group first, or take it out of the account's groups.",
                step="account",
                doc="account",
            ) from error
    missing = missing_parts(account)
    if "group {0}".format(account["group"]) in missing:
        _tool(["groupadd", "--system", account["group"]])
    if "user {0}".format(account["user"]) in missing:
        _tool(
            ["useradd", "--system", "--no-create-home", "--home-dir", home or "/nonexistent"]
            + ["--shell", "/usr/sbin/nologin", "--gid", account["group"], account["user"]]
        )
    ids = ids_of(account)
    if ids is None:
        raise StackError("Could not make the account {0}".format(account["user"]), step="account", doc="account")
    return ids


def _tool(argv: List[str]) -> None:
    code, out, err = run(argv, timeout=60)
    if code != 0:
        raise StackError(
            "Could not make the account {0}".format(argv[-1]),
            why=(err or out).strip() or "{0} failed with status {1}".format(argv[0], code),
            hint="Make the account by hand, or mend what {0} complains of.".format(argv[0]),
            step="account",
            doc="account",
        )
