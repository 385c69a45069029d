# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a user says an estate depends on (``obs_dependencies``), as checks. Pure."""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._receivers import PORTS, address_and_port

VARIABLE = "obs_dependencies"
KINDS = ("tcp", "tls", "http", "dns")
KEYS = ("name", "kind", "address", "port", "url", "from", "status", "ca_path", "server_name", "username", "password")


def own(
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, t.Any]],
    host: str,
    limits: Mapping[str, float],
) -> list[dict[str, t.Any]]:
    """The items of ``obs_dependencies``, and of every ``obs_dependencies_<anything>``, that this host has to ask for.

    Args:
        groups: names of all hosts by group.
        hostvars: inventory variables of every host.
        host: inventory name.
        limits: ``warn`` and ``fail``, days a certificate must be valid.

    Raises:
        StackError: an item cannot be used.
    """
    found = []
    variables = hostvars[host]
    names = sorted(name for name in variables if name == VARIABLE or str(name).startswith(VARIABLE + "_"))
    items = [item for name in names for item in variables[name] or []]
    for number, item in enumerate(items, 1):
        check = _check(number, item, limits)
        where = str(item.get("from") or "")
        if where and where not in groups and where not in (groups.get("all") or [host]):
            raise _refusal(item, "its 'from' is '{0}', no group and no host".format(where), "Correct it.")
        if not where or where == host or host in (groups.get(where) or []):
            found.append(check)
    return found


def _refusal(item: t.Any, why: str, hint: str) -> StackError:
    name = item.get("name") if isinstance(item, Mapping) else None
    what = "Could not use the dependency '{0}'".format(name) if name else "Could not use an item of obs_dependencies"
    return StackError(what, why=why, hint=hint, doc="dependencies")


def _check(number: int, item: t.Any, limits: Mapping[str, float]) -> dict[str, t.Any]:
    if not isinstance(item, Mapping) or not item.get("name"):
        raise _refusal(item, "item {0} is no dictionary with a name".format(number), "Write {name: …, kind: …}.")
    for key in item:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, 1)
            hint = "Did you mean '{0}'?".format(near[0]) if near else "It can have {0}.".format(", ".join(KEYS))
            raise _refusal(item, "there is no key '{0}'".format(key), hint)
    kind = item.get("kind")
    if kind not in KINDS:
        raise _refusal(item, "its kind is '{0}'".format(kind), "Set kind to one of {0}.".format(", ".join(KINDS)))
    check = {"check": "dependency", "target": str(item["name"]), "kind": kind}
    for key in ("ca_path", "server_name", "username", "password", "status"):
        if item.get(key):
            check[key] = item[key]
    if kind == "http":
        return {**check, **_url(item)}
    given = str(item.get("port") or 0)
    if not given.isdigit() or int(given) > 65535:
        raise _refusal(item, "its port is '{0}'".format(given), "Set a port from 1 to 65535.")
    address, port = address_and_port(str(item.get("address") or ""), int(given))
    if not address:
        raise _refusal(item, "it has no address", "Set address, and port or address: host:port.")
    if kind != "dns" and not port:
        raise _refusal(item, "it has no port", "Set port, or address: host:port.")
    if kind == "tls":
        check.update(limits)
    return {**check, "address": address, **({"port": port} if kind != "dns" else {})}


def _url(item: Mapping[str, t.Any]) -> dict[str, t.Any]:
    try:
        parts = urlsplit(str(item.get("url") or ""))
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError
        found = {
            "scheme": parts.scheme,
            "address": parts.hostname,
            "port": parts.port or PORTS[parts.scheme],
            "path": parts.path or "/",
        }
    except ValueError:
        raise _refusal(item, "its url is not an http:// or https:// URL", "Set url.") from None
    for key, value in (("query", parts.query), ("username", parts.username), ("password", parts.password)):
        if value:
            found[key] = value
    return found
