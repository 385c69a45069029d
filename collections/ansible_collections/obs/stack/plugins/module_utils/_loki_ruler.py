# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Loki's ruler: its rules, whom it tells alerts, where it writes what it records. Pure."""

from __future__ import annotations

import base64
import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._loki import ETC
from ansible_collections.obs.stack.plugins.module_utils._outgoing import outgoing


def loki_ruler(
    alertmanagers: Mapping[str, t.Any], remote_write: Sequence[t.Any], labels: Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """To whom the ruler tells alerts, and where it writes what it records.

    Args:
        alertmanagers: ``urls``, and ``ca``, ``server_name``, ``certificate``, ``private_key``, ``username``,
            ``password``, ``bearer_token`` that hold for all of them.
        remote_write: targets as outgoing takes them.
        labels: what stands on every alert and every recorded series.

    Returns:
        ``config`` (the ruler's block), ``files`` and ``secrets``.

    Raises:
        StackError: as outgoing does.
    """
    written = outgoing(remote_write, name="loki", variable="loki_remote_write")
    config: dict[str, t.Any] = {}
    if labels:
        config["external_labels"] = {str(name): str(value) for name, value in labels.items()}
    if written["targets"]:
        # Upstream puts external labels on alerts only.
        added = [{"target_label": str(name), "replacement": str(value)} for name, value in labels.items()]
        clients = [
            dict(one, write_relabel_configs=added + list(one.get("write_relabel_configs") or [])) if added else one
            for one in written["targets"]
        ]
        config["remote_write"] = {"enabled": True, "clients": {one["name"]: one for one in clients}}
    urls = [str(url) for url in alertmanagers.get("urls") or []]
    if alertmanagers and not urls:
        raise StackError(
            "Could not use loki_alertmanagers", why="it has no urls", hint="Write {urls: [http://…:9093]}."
        )
    files, secrets = list(written["files"]), list(written["secrets"])
    if urls:
        access = dict(alertmanagers, name="alertmanager", url=urls[0])
        access.pop("urls")
        told = outgoing([access], name="loki", variable="loki_alertmanagers")
        files += told["files"]
        secrets += [one for one in told["secrets"] if "_password" not in one["path"]]
        tls = told["targets"][0].get("tls_config") or {}
        names = {
            "ca_file": "tls_ca_path",
            "cert_file": "tls_cert_path",
            "key_file": "tls_key_path",
            "server_name": "tls_server_name",
        }
        client = {names[key]: value for key, value in tls.items() if key in names}
        if alertmanagers.get("password"):
            # It knows no password file, but any kind of credentials by file.
            pair = "{username}:{password}".format(**alertmanagers)
            secrets.append(
                {
                    "path": "secrets/alertmanager_basic",
                    "variable": "loki_alertmanagers",
                    "content": base64.b64encode(pair.encode()).decode("ascii"),
                    "on_change": "restart",
                }
            )
            client.update(type="Basic", credentials_file=f"{ETC}/secrets/alertmanager_basic")
        elif alertmanagers.get("bearer_token"):
            client.update(type="Bearer", credentials_file=f"{ETC}/secrets/alertmanager_token")
        config.update(alertmanager_url=",".join(urls), enable_alertmanager_v2=True)
        if client:
            config["alertmanager_client"] = client
    return {"config": config, "files": files, "secrets": secrets}


def loki_rule_files(sources: Sequence[t.Any]) -> list[dict[str, str]]:
    """Place the ruler's rule sources below rules/<tenant>, where it looks for them.

    Raises:
        StackError: an item has no src, or a tenant that is no folder's name.
    """
    result = []
    for number, item in enumerate(sources, 1):
        src = str(item.get("src") or "") if isinstance(item, Mapping) else ""
        if not src:
            raise StackError(
                f"Could not use item {number} of loki_rules", why="it has no src", hint="Write {src: path}."
            )
        tenant = str(item.get("tenant") or "fake")
        if not re.match(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", tenant):
            raise StackError(
                f"Could not use the tenant '{tenant}' of loki_rules",
                why="it becomes a folder",
                hint="Use letters, digits, '_', '-' and '.'.",
            )
        path = f"rules/{tenant}"
        if src.rsplit(".", 1)[-1] in ("yml", "yaml"):
            path = "{}/{}".format(path, src.rsplit("/", 1)[-1])
        # Loki lists the folder every minute: nothing restarts.
        result.append({"path": path, "src": src, "variable": "loki_rules", "on_change": "none"})
    return result
