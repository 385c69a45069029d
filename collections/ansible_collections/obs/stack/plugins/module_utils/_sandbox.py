# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Run a vendor's checker as the service will run: its account, no network, the new generation at its later path."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ._layout import Layout
from ._systemd import run

CHECK_SECONDS = 120


def sandbox_argv(
    layout: Layout,
    *,
    generation: str,
    account: Mapping[str, Any],
    argv: Sequence[str],
    live: str = "",
    adopted_etc: bool = False,
    network: bool = False,
    writable: Sequence[str] = (),
) -> list[str]:
    """The systemd-run command for one checker.

    Args:
        generation: folder to bind over what `current` names.
        argv: the command; a relative first word is looked up in the generation's release.
        live: staged folder to bind over the live files, or "".
        adopted_etc: /etc/<name> is still a folder of another installation; elsewhere it is our link into `current`.
        network: for questions that need one (hooks); checkers have none.
        writable: further folders the command may write to.
    """
    command = list(argv)
    if not command[0].startswith("/"):
        command[0] = os.path.join(layout.current, "release/bin", command[0])
    properties = [
        "User={}".format(account["user"]),
        "Group={}".format(account["group"]),
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "NoNewPrivileges=yes",
        "WorkingDirectory=/",
        "TimeoutStopSec=5",
        f"RuntimeMaxSec={CHECK_SECONDS}",
        f"BindReadOnlyPaths={generation}:{layout.current}",
    ]
    if account.get("groups"):
        properties.append("SupplementaryGroups={}".format(" ".join(account["groups"])))
    if not network:
        properties.append("PrivateNetwork=yes")
    if live:
        properties.append(f"BindReadOnlyPaths={live}:{layout.live}")
    properties += [f"ReadWritePaths={path}" for path in writable]
    if adopted_etc:
        properties.append(f"BindReadOnlyPaths={generation}/etc:{layout.etc_link}")
    argv_run = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"]
    for value in properties:
        argv_run += ["--property", value]
    # systemd-run looks for the executable outside of the sandbox, where it may not be yet; env looks within.
    return argv_run + ["--", "/usr/bin/env", "--"] + command


def run_in_sandbox(argv: Sequence[str]) -> tuple[int, str]:
    """Run the command ``sandbox_argv`` made; returns its exit status and all it said."""
    code, out, err = run(argv, timeout=CHECK_SECONDS + 30)
    return code, "\n".join(part.strip() for part in (out, err) if part.strip())
