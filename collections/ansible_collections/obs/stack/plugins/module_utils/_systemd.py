# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The edge to systemd: units, their states, and their journals."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ._errors import StackError

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "InvocationID",
    "NRestarts",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainPID",
    "ActiveEnterTimestamp",
)

# systemctl waits for a stop as long as TimeoutStopSec allows; this only bounds a systemd that no longer answers.
PATIENCE = 1800

ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


def run(argv: Sequence[str], *, timeout: float = PATIENCE) -> tuple[int, str, str]:
    """Run a command; returns exit status, output and errors as text."""
    environment = dict(os.environ, **ENVIRONMENT)
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return 127, "", f"{argv[0]}: not found"
    except subprocess.TimeoutExpired:
        return 124, "", f"no answer within {timeout:.0f} s"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit."""

    load: str
    active: str
    sub: str
    main_pid: int
    invocation: str
    restarts: int
    file_state: str
    fragment: str
    drop_ins: tuple[str, ...]
    needs_reload: bool
    exit_code: str
    exit_status: str
    since: str
    exec_pid: int = 0

    @property
    def is_masked(self) -> bool:
        return self.load == "masked" or self.file_state in ("masked", "masked-runtime")

    @property
    def is_active(self) -> bool:
        return self.active in ("active", "reloading") and self.main_pid > 0

    @property
    def is_enabled(self) -> bool:
        return self.file_state == "enabled"

    @property
    def exists(self) -> bool:
        return self.load not in ("not-found", "")

    @property
    def end(self) -> str:
        """How the main process ended, in words."""
        codes = {"1": "exited with status", "2": "was killed by signal", "3": "dumped core on signal"}
        return "{} {}".format(codes.get(self.exit_code, "ended with"), self.exit_status)


def state_of(unit: str) -> UnitState:
    """Ask systemd for the state of a unit."""
    code, out, err = run(["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", unit])
    if code != 0:
        raise StackError(f"Could not read the state of {unit}", why=err.strip() or "systemctl failed", doc="systemd")
    values: dict[str, str] = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    return UnitState(
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        main_pid=int(values.get("MainPID") or 0),
        invocation=values.get("InvocationID", ""),
        restarts=int(values.get("NRestarts") or 0),
        file_state=values.get("UnitFileState", ""),
        fragment=values.get("FragmentPath", ""),
        drop_ins=tuple(values.get("DropInPaths", "").split()),
        needs_reload=values.get("NeedDaemonReload") == "yes",
        exit_code=values.get("ExecMainCode", ""),
        exit_status=values.get("ExecMainStatus", ""),
        since=values.get("ActiveEnterTimestamp", ""),
        exec_pid=int(values.get("ExecMainPID") or 0),
    )


def daemon_reload() -> None:
    """Make systemd read the unit files again."""
    code, _out, err = run(["systemctl", "daemon-reload"], timeout=120)
    if code != 0:
        raise StackError(
            "Could not make systemd read its unit files again",
            why=err.strip() or f"systemctl daemon-reload failed with status {code}",
            hint="Mend what 'systemctl daemon-reload' says on the host, then run again.",
            step="unit",
            doc="daemon-reload",
        )


def systemctl(verb: str, unit: str) -> str:
    """Start, stop, restart, reload, enable or disable a unit; returns what systemctl complained of, or "".

    Its exit status is not trusted: a restart of a dying binary exits 0. What counts is what the probe sees.
    """
    code, _out, err = run(["systemctl", "--no-ask-password", verb, "--", unit])
    return "" if code == 0 else err.strip() or f"systemctl {verb} failed with status {code}"


def reset_failed(unit: str) -> None:
    """Forget earlier failures, so that the start limit does not refuse the next start."""
    run(["systemctl", "reset-failed", "--", unit])


def journal_of(invocation: str, *, pid: int = 0, lines: int = 12) -> list[str]:
    """The last lines one start of a unit wrote, or [] where there is no journal.

    Args:
        invocation: the start, as systemd names it.
        pid: its main process, also one that has ended: of a process that dies at once journald often no longer learns
            the invocation, only the number.
        lines: how many at most.
    """
    if not invocation:
        return []
    # What was written a moment ago may still be on its way to the journal.
    run(["journalctl", "--sync"], timeout=30)
    argv = ["journalctl", "--no-pager", "--quiet", "--boot", "-o", "cat", "-n", str(lines)]
    either = ["_SYSTEMD_INVOCATION_ID=" + invocation] + (["+", f"_PID={pid}"] if pid else [])
    code, out, _err = run(argv + either, timeout=30)
    return [line for line in out.splitlines() if line.strip()] if code == 0 else []


def environment_of(pid: int) -> dict[str, str] | None:
    """Environment a process was started with, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as handle:
            raw = handle.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    pairs = (entry.split(b"=", 1) for entry in raw.split(b"\0") if b"=" in entry)
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in pairs}


def restart_key_of(pid: int) -> str:
    """The restart key a running process was started with, "" when it has none."""
    return (environment_of(pid) or {}).get("OBS_RESTART_KEY", "") if pid else ""
