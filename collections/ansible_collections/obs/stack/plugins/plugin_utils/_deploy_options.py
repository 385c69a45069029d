# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The option ``deploy`` of release_service and its kin, as a host is handed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.obs.stack.plugins.plugin_utils._pem import pem_text

PEM = ("ca", "certificate", "private_key")
SECRET = ("password", "bearer_token", "private_key")


def of_service(deploy: Mapping[str, Any], service: str) -> dict[str, Any]:
    """What of the option one service needs: its own silences, and who is there while it restarts.

    Raises:
        StackError: a file on the controller cannot be read.
    """
    silences = (deploy.get("silences") or {}).get(service)
    asked = [one for one in deploy.get("alertmanagers") or [] if one.get("service") != service]
    return {
        "host": str(deploy.get("host") or ""),
        "alertmanagers": [with_pem(one) for one in asked] if silences else [],
        "silences": {service: silences} if silences and asked else {},
    }


def with_pem(alertmanager: Mapping[str, Any]) -> dict[str, Any]:
    """The address of an Alertmanager with what is in files on the controller.

    Raises:
        StackError: such a file cannot be read.
    """
    found = {key: value for key, value in alertmanager.items() if value}
    return {**found, **{key: pem_text(found[key], doc="silence") for key in PEM if key in found}}


def deploy_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same of the options of release_service; nothing where no service is changed."""
    if options.get("mode", "apply") != "apply" or options["state"] == "absent":
        return {}
    return of_service(options.get("deploy") or {}, options["name"])


def deploy_secrets(deploy: Mapping[str, Any]) -> list[str]:
    """Values in it that may never be shown."""
    return [one[key] for one in deploy.get("alertmanagers") or [] for key in SECRET if one.get(key)]
