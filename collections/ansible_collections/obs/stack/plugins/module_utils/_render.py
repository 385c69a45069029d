# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Renders what systemd reads: the unit and the run.env beside it. Pure.

Sources: systemd.exec(5) and systemd.service(5). An EnvironmentFile's double-quoted value knows the escapes
``\\" \\\\ \\$ \\```; a lone ``$OBS_ARGS`` on the command line is then split at white space with quotes and
backslashes taken away, and its ``$`` stay literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ._errors import StackError

ENVIRONMENT_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")

# Each line is measured by `systemd-analyze security` in the tests; a role overrides single directives.
BASE_SANDBOX: dict[str, str] = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "SystemCallErrorNumber": "EPERM",
    "UMask": "0027",
}

BASE_LIMITS: dict[str, str] = {"LimitNOFILE": "65536"}


def environment_value(value: str) -> str:
    """One value as it stands behind ``NAME=`` in an EnvironmentFile."""
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def argument_words(arguments: Sequence[str]) -> str:
    """Arguments as one string that systemd splits back into exactly these."""
    return " ".join('"' + re.sub(r'([\\"])', r"\\\1", argument) + '"' for argument in arguments)


def run_env(restart_key: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The run.env of a generation.

    Raises:
        StackError: a name systemd cannot take, or a line break or NUL within a value.
    """
    values = {"OBS_RESTART_KEY": restart_key, "OBS_ARGS": argument_words(arguments)}
    for name, value in environment.items():
        if not ENVIRONMENT_NAME.match(name) or name in values:
            raise StackError(
                f"Could not use the environment variable {name!r}",
                why="its name is reserved or not of the form [A-Za-z_][A-Za-z0-9_]*",
                doc="input",
            )
        values[name] = str(value)
    lines = []
    for name, value in values.items():
        if re.search(r"[\r\n\0]", value):
            raise StackError(
                "Could not use the {}".format("arguments" if name == "OBS_ARGS" else "environment variable " + name),
                why="a line break or NUL cannot be passed to a service",
                hint="Put the text into a file of the service and pass its path.",
                doc="input",
            )
        lines.append(f"{name}={environment_value(value)}")
    return "\n".join(lines) + "\n"


def unit(
    *,
    name: str,
    home: str,
    executable: str,
    account: Mapping[str, Any],
    data_path: str,
    spec: Mapping[str, Any],
    reload_signal: str,
) -> str:
    """The unit of a service. It names only ``current/…``, so a switch of generations never touches it.

    Args:
        name: service name.
        home: folder of the service, for example /opt/obs/prometheus.
        executable: name under bin/ of the release.
        account: ``user``, ``group``, ``groups``.
        data_path: the data folder, or "" for a service without one.
        spec: ``description``, ``documentation``, ``after``, ``wants``, ``sandbox``, ``limits``, ``stop_timeout`` (s).
        reload_signal: for example "HUP", or "" when the service cannot reload.
    """
    mounts = [home.rsplit("/", 1)[0]] + ([data_path] if data_path else [])
    sandbox = dict(BASE_SANDBOX)
    if data_path:
        sandbox["ReadWritePaths"] = data_path
    sandbox = _overridden(sandbox, spec.get("sandbox"))
    limits = _overridden(BASE_LIMITS, spec.get("limits"))
    after = list(dict.fromkeys(["network-online.target", *(spec.get("after") or [])]))
    wants = list(dict.fromkeys(["network-online.target", *(spec.get("wants") or [])]))

    lines: list[str] = [
        "# Managed by obs.stack: changes made here are undone by the next run; use a drop-in.",
        "[Unit]",
        "Description={}".format(spec.get("description") or name),
    ]
    lines += [f"Documentation={link}" for link in spec.get("documentation") or []]
    lines += [
        "Wants={}".format(" ".join(wants)),
        "After={}".format(" ".join(after)),
        "RequiresMountsFor={}".format(" ".join(mounts)),
        # A service that fails at night is to come back by itself as soon as the cause is gone.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        "User={}".format(account["user"]),
        "Group={}".format(account["group"]),
    ]
    if account.get("groups"):
        lines.append("SupplementaryGroups={}".format(" ".join(account["groups"])))
    lines += [
        f"EnvironmentFile={home}/current/run.env",
        f"ExecStart={home}/current/release/bin/{executable} $OBS_ARGS",
    ]
    if reload_signal:
        lines.append(f"ExecReload=/bin/kill -{reload_signal} $MAINPID")
    lines += [
        "WorkingDirectory={}".format(data_path or "/"),
        "Restart=always",
        "RestartSec=5",
        "TimeoutStopSec={}".format(spec.get("stop_timeout") or 90),
    ]
    lines += [f"{key}={limits[key]}" for key in sorted(limits)]
    lines += [f"{key}={sandbox[key]}" for key in sorted(sandbox)]
    lines += ["", "[Install]", "WantedBy=multi-user.target", ""]
    for line in lines:
        if "\n" in line or "\0" in line:
            raise StackError(f"Could not render the unit of {name}", why=f"a line break within {line!r}", doc="input")
    return "\n".join(lines)


def _overridden(base: Mapping[str, str], over: Any) -> dict[str, str]:
    """Directives with a role's own over ours; null takes one away, "" is systemd's empty setting."""
    merged = dict(base)
    for key, value in (over or {}).items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _directive(value)
    return merged


def _directive(value: Any) -> str:
    if value is True:
        return "yes"
    if value is False:
        return "no"
    if isinstance(value, (list, tuple)):
        return " ".join(str(part) for part in value)
    return str(value)
