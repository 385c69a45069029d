# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Options that all Grafana modules have; documented in doc_fragments/grafana.py."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import urlsplit

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_client import Access

CONNECTION: dict[str, t.Any] = {
    "url": {"type": "str", "aliases": ["grafana_url"]},
    "url_username": {"type": "str", "aliases": ["grafana_user"]},
    "url_password": {"type": "str", "aliases": ["grafana_password"], "no_log": True},
    "grafana_api_key": {"type": "str", "aliases": ["token"], "no_log": True},
    "org_id": {"type": "int"},
    "org_name": {"type": "str"},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
    "use_proxy": {"type": "bool", "default": True},
}
STATE: dict[str, t.Any] = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
EXCLUSIVE = [["org_id", "org_name"], ["url_username", "grafana_api_key"]]
TOGETHER = [["url_username", "url_password"]]
ENVIRONMENT = ("GRAFANA_URL", "GRAFANA_TOKEN")


def _wrong(why: str, hint: str) -> StackError:
    return StackError("Could not reach Grafana", why=why, hint=hint, step="input", doc="grafana-api")


def access_of(params: t.Mapping[str, t.Any], environment: t.Mapping[str, str] | None = None) -> Access:
    """Where Grafana is and who asks, by a module's options, else by the environment.

    Raises:
        StackError: no URL, one that cannot be used, or no credentials.
    """
    environ = os.environ if environment is None else environment
    url = str(params.get("url") or environ.get("GRAFANA_URL") or "").rstrip("/")
    if not url:
        raise _wrong("no url", "Give url, or set GRAFANA_URL where the module runs.")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _wrong("url is not of the form http(s)://host", "Write it as in https://grafana.example.com.")
    if parts.username or parts.password:
        raise _wrong("url holds credentials", "Give them as url_username and url_password.")
    if parts.query or parts.fragment or parts.path.endswith("/api"):
        raise _wrong("url is of a page", "Give the address of Grafana itself, without /api and what follows.")
    username = str(params.get("url_username") or "")
    token = str(params.get("grafana_api_key") or "")
    if not username and not token:
        token = str(environ.get("GRAFANA_TOKEN") or "").strip()
    if not username and not token:
        raise _wrong("no credentials", "Give url_username and url_password, or grafana_api_key (GRAFANA_TOKEN).")
    return Access(
        url=url,
        username=username,
        password=str(params.get("url_password") or ""),
        token=token,
        org_id=int(params.get("org_id") or 0),
        ca_path=str(params.get("ca_path") or ""),
        client_cert=str(params.get("client_cert") or ""),
        client_key=str(params.get("client_key") or ""),
        validate_certs=bool(params.get("validate_certs", True)),
        timeout=float(params.get("timeout") or 30),
        use_proxy=bool(params.get("use_proxy", True)),
    )
