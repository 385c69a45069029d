# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""URLs a service sends to, with what proves who it is: secrets become files, the rest is upstream's own keys. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import config_merge
from ansible_collections.obs.stack.plugins.module_utils._wiring import pem_source

ACCESS = ("ca", "certificate", "private_key", "server_name", "username", "password", "bearer_token")
_FILE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
_URL = re.compile(r"^https?://[^/\s]+")
_USERINFO = re.compile(r"^https?://[^/\s]*@")


def outgoing(
    targets: Sequence[t.Any], *, name: str, variable: str, base: Mapping[str, t.Any] | None = None
) -> dict[str, t.Any]:
    """Targets of pushes, in Prometheus' HTTP client keys.

    Args:
        targets: dictionaries with ``name``, ``url``, any of ``ca``, ``certificate``, ``private_key`` (PEM text or a
            path on the controller), ``server_name``, ``username``, ``password``, ``bearer_token``, and upstream's own
            keys.
        name: the service, below whose /etc/<name> the files are.
        variable: where the targets came from, for messages.
        base: upstream's keys that every target has unless it says otherwise.

    Returns:
        ``targets`` in upstream's keys, and ``files`` and ``secrets`` for release_service.

    Raises:
        StackError: no or a doubled name, no URL, a secret inside of the URL, or half a pair of credentials.
    """
    result: dict[str, list[dict[str, t.Any]]] = {"targets": [], "files": [], "secrets": []}
    seen: set[str] = set()
    for number, item in enumerate(targets, 1):
        label = _checked(item, number, variable, seen)
        config = config_merge(base or {}, {key: value for key, value in item.items() if key not in ACCESS})
        tls = dict(config.get("tls_config") or {})
        for key, file, secret in (
            ("ca", "ca.pem", False),
            ("certificate", "client.crt", False),
            ("private_key", "client.key", True),
        ):
            if item.get(key):
                path = f"tls/{label}_{file}"
                entry = dict(path=path, variable=variable, on_change="restart", **pem_source(str(item[key])))
                result["secrets" if secret else "files"].append(entry)
                tls[{"ca": "ca_file", "certificate": "cert_file", "private_key": "key_file"}[key]] = (
                    f"/etc/{name}/{path}"
                )
        if item.get("server_name"):
            tls["server_name"] = str(item["server_name"])
        if tls:
            config["tls_config"] = tls
        for key, value in (("password", item.get("password")), ("token", item.get("bearer_token"))):
            if value:
                path = f"secrets/{label}_{key}"
                entry = {"path": path, "content": str(value), "variable": variable, "on_change": "restart"}
                result["secrets"].append(entry)
                if key == "password":
                    config["basic_auth"] = {"username": str(item["username"]), "password_file": f"/etc/{name}/{path}"}
                else:
                    config["authorization"] = {"type": "Bearer", "credentials_file": f"/etc/{name}/{path}"}
        result["targets"].append(config)
    return result


def _checked(item: t.Any, number: int, variable: str, seen: set[str]) -> str:
    """The name of a target, all of it looked at."""
    label = str(item.get("name") or "") if isinstance(item, Mapping) else ""
    where = f"'{label}'" if label else f"item {number}"
    if not isinstance(item, Mapping):
        why, hint = f"it is {type(item).__name__}", "Write {name: …, url: …}."
    elif not _FILE_NAME.match(label):
        why, hint = "it has no name fit for a file", "Give it a name of letters, digits, '_', '-' and '.'."
    elif label in seen:
        why, hint = "the name is there twice", "Give every item a name of its own."
    elif not _URL.match(str(item.get("url") or "")):
        why, hint = "it has no http or https url", "Set url to e.g. https://host/path."
    elif _USERINFO.match(str(item["url"])):
        why, hint = "its url holds credentials, which logs would show", "Set username and password beside the url."
    elif bool(item.get("username")) != bool(item.get("password")):
        why, hint = "it has only one of username and password", "Set both."
    elif item.get("password") and item.get("bearer_token"):
        why, hint = "it has both a password and a bearer_token", "Keep one of them."
    elif bool(item.get("certificate")) != bool(item.get("private_key")):
        why, hint = "it has only one of certificate and private_key", "Set both."
    else:
        seen.add(label)
        return label
    raise StackError(f"Could not use {where} of {variable}", why=why, hint=hint)
