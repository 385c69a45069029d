# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The services behind the gateway as declared: complete, each value of its form, none open by accident. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _haproxy
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._haproxy import checked
from ansible_collections.obs.stack.plugins.module_utils._wiring import Listen

PROTOCOLS = ("http", "grpc")
TCP = "tcp"
DEFAULTS: dict[str, t.Any] = {
    "protocol": "http",
    "health": TCP,
    "tls": False,
    "authenticate": True,
    "present_certificate": False,
    "repeatable": False,
    "sticky": False,
    "username": "",
    "password": "",
    "health_username": "",
    "health_password": "",
    "server_name": "",
    "timeout": "",
    "push_paths": (),
    "deny_paths": (),
    "frontend_options": (),
    "backend_options": (),
}
REQUIRED = {"name", "port", "members"}
MEMBER_KEYS = {"name", "address", "port", "server_name"}


def complete(service: Mapping[str, t.Any], number: int) -> dict[str, t.Any]:
    """A service with every key, its values held against what each may be.

    Raises:
        StackError: an unknown or missing key, or a value that is not of its form.
    """
    where = "service {}".format(service.get("name") or f"{number} of gateway_services")
    unknown, missing = sorted(set(service) - REQUIRED - set(DEFAULTS)), sorted(REQUIRED - set(service))
    if unknown or missing or not service["members"]:
        why = f"unknown: {', '.join(unknown)}" if unknown else f"missing: {', '.join(missing or ['a member'])}"
        raise StackError(f"Could not use {where} of the gateway", why=why, doc="input")
    given = {key: value for key, value in service.items() if value not in (None, "")}
    one = {**DEFAULTS, **given, "port": _haproxy.checked_port(service["port"], where)}
    checked("service", one["name"], f"the name of {where}")
    if one["protocol"] not in PROTOCOLS:
        raise StackError(
            f"Could not use {one['protocol']!r} as the protocol of {where}",
            why="it is none of {}".format(", ".join(PROTOCOLS)),
            doc="input",
        )
    if one["health"] != TCP:
        checked("path", one["health"], f"the health of {where}")
    for key in ("push_paths", "deny_paths"):
        for path in one[key]:
            checked("path", path, f"one of the {key} of {where}")
    if one["timeout"]:
        checked("time", one["timeout"], f"the timeout of {where}")
    one["members"] = [_member(member, one, where) for member in one["members"]]
    names = [member["name"] for member in one["members"]]
    if len(set(names)) != len(names):
        raise StackError(f"Could not use the members of {where}", why="two of them have one name", doc="input")
    return one


def _member(member: Mapping[str, t.Any], service: Mapping[str, t.Any], where: str) -> dict[str, str]:
    if set(member) - MEMBER_KEYS or not {"name", "address", "port"} <= set(member):
        raise StackError(
            f"Could not use a member of {where}",
            why="it has {}, wanted name, address, port and perhaps server_name".format(", ".join(sorted(member))),
            doc="input",
        )
    name = checked("name", member["name"], f"the name of a member of {where}")
    address = str(member["address"]).strip("[]")
    return {
        "name": name,
        "address": address,
        "place": _haproxy.host_and_port(address, member["port"], f"{name} of {where}"),
        "server_name": checked(
            "name", member.get("server_name") or service["server_name"] or name, f"the server_name of {name} of {where}"
        ),
    }


def refuse_clashes(services: Sequence[Mapping[str, t.Any]], metrics: Listen) -> None:
    """Refuse two services under one name or port, with the gateway\'s own among them.

    Raises:
        StackError: naming what is there twice.
    """
    names = ["metrics", *(one["name"] for one in services)]
    ports = [metrics.port, *(one["port"] for one in services)]
    for values, word in ((names, "name"), (ports, "port")):
        twice = next((value for number, value in enumerate(values) if value in values[:number]), None)
        if twice is not None:
            raise StackError(f"Could not offer two services under the {word} {twice}", why="each needs its own")


def refuse_open_ways(one: Mapping[str, t.Any], *, local: bool, tls: bool, plain: bool, users: bool) -> None:
    """Refuse what would be open to anyone, and what would cross the network readable.

    Args:
        local: it is offered on the loopback address only.
        tls: the listeners speak TLS.
        plain: they need not.
        users: there are users to ask for.

    Raises:
        StackError: why, and what to set.
    """
    name = one["name"]
    for user, password in (("username", "password"), ("health_username", "health_password")):
        if bool(one[user]) != bool(one[password]) or ":" in str(one[user]):
            raise StackError(
                f"Could not offer {name} at the gateway",
                why=f"{user} has a colon" if ":" in str(one[user]) else f"it has only one of {user} and {password}",
                doc="gateway",
            )
    secret = one["username"] or one["health_username"]
    if one["authenticate"] and not users:
        why = "it is to ask for a password and gateway_users is empty"
        hint = "Set gateway_users, or authenticate: false where the service asks itself."
    elif one["username"] and not one["authenticate"]:
        why = "it would lend its own password to anyone who comes"
        hint = "Set authenticate: true, or leave username and password out where the service asks itself."
    elif not (local or tls or plain):
        why = "without TLS passwords and data would cross the network readable"
        hint = "Set certificate and private_key in gateway_tls, or gateway_allow_plain: true in a network of its own."
    elif secret and not (one["tls"] or plain) and not _all_loopback(one):
        why = "the gateway's password would go to its members without TLS"
        hint = f"Set tls: true for {name}, or gateway_allow_plain: true in a network of its own."
    else:
        return
    raise StackError(f"Could not offer {name} at the gateway", why=why, hint=hint, doc="gateway")


def _all_loopback(one: Mapping[str, t.Any]) -> bool:
    return all(Listen(member["address"], 1).loopback for member in one["members"])
