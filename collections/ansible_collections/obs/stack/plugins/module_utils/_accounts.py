# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""System accounts of services."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Mapping
from typing import Any

from ._errors import StackError
from ._systemd import run


def ids_of(account: Mapping[str, Any]) -> tuple[int, int] | None:
    """(uid, gid) of an account, or None while user or group is missing."""
    try:
        return pwd.getpwnam(account["user"]).pw_uid, grp.getgrnam(account["group"]).gr_gid
    except KeyError:
        return None


def missing_parts(account: Mapping[str, Any]) -> list[str]:
    """What is missing of an account: "group x", "user x"."""
    missing = []
    try:
        grp.getgrnam(account["group"])
    except KeyError:
        missing.append("group {}".format(account["group"]))
    try:
        pwd.getpwnam(account["user"])
    except KeyError:
        missing.append("user {}".format(account["user"]))
    return missing


def ensure_account(account: Mapping[str, Any], *, home: str) -> tuple[int, int]:
    """Make what is missing of an account; an existing one keeps its ids and its home.

    Raises:
        StackError: a supplementary group is missing, or the host's tools refuse.
    """
    for group in account.get("groups") or []:
        try:
            grp.getgrnam(group)
        except KeyError as error:
            raise StackError(
                "Could not add {} to group {}".format(account["user"], group),
                why="the host has no such group",
                hint="Make the group first, or take it out of the account's groups.",
                step="account",
                doc="account",
            ) from error
    missing = missing_parts(account)
    if "group {}".format(account["group"]) in missing:
        _tool(["groupadd", "--system", account["group"]])
    if "user {}".format(account["user"]) in missing:
        _tool(
            ["useradd", "--system", "--no-create-home", "--home-dir", home or "/nonexistent"]
            + ["--shell", "/usr/sbin/nologin", "--gid", account["group"], account["user"]]
        )
    ids = ids_of(account)
    if ids is None:
        raise StackError("Could not make the account {}".format(account["user"]), step="account", doc="account")
    return ids


def _tool(argv: list[str]) -> None:
    code, out, err = run(argv, timeout=60)
    if code != 0:
        raise StackError(
            f"Could not make the account {argv[-1]}",
            why=(err or out).strip() or f"{argv[0]} failed with status {code}",
            hint=f"Make the account by hand, or mend what {argv[0]} complains of.",
            step="account",
            doc="account",
        )
