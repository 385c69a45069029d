# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A data source in normal form: what is wanted of it, merged with what is there. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import check_uid
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_options import STATE
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_secrets import PLACE, POLICIES, policy_of

if t.TYPE_CHECKING:
    Form = dict[str, t.Any]

# What the modules take of one data source; documented in each of them.
OPTIONS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "uid": {"type": "str"},
    "ds_type": {"type": "str", "aliases": ["type"]},
    "ds_url": {"type": "str"},
    "access": {"type": "str", "choices": ["proxy", "direct"]},
    "is_default": {"type": "bool"},
    "basic_auth_user": {"type": "str"},
    "user": {"type": "str"},
    "database": {"type": "str"},
    "with_credentials": {"type": "bool"},
    "json_data": {"type": "dict", "default": {}},
    "secure_json_data": {"type": "dict", "default": {}, "no_log": True},
    **STATE,
}
# How they are kept: of one, or of all of a list.
KEEPING: dict[str, t.Any] = {
    "keep_unknown_json_data": {"type": "bool", "default": True},
    "update_secrets": {"type": "str", "choices": list(POLICIES), "no_log": False},
    "fingerprint_key": {"type": "str", "no_log": True},
}
RULES: dict[str, t.Any] = {"required_if": [("state", "present", ["name"])], "required_one_of": [("name", "uid")]}

# Grafana's key -> the module's option, of what is written as it is given.
FIELDS = {
    "name": "name",
    "type": "ds_type",
    "url": "ds_url",
    "access": "access",
    "user": "user",
    "database": "database",
    "withCredentials": "with_credentials",
    "isDefault": "is_default",
}
FLAGS = ("basicAuth", "withCredentials", "isDefault")
# Names that Grafana writes in another way (aliasIDs of its plugins).
ALIASES = {
    "postgres": "grafana-postgresql-datasource",
    "phlare": "grafana-pyroscope-datasource",
    "testdata": "grafana-testdata-datasource",
}
# Grafana keeps these when they are sent empty.
STICKY = ("url",)


class Wish(t.NamedTuple):
    """What is wanted of a data source.

    Attributes:
        fields: in Grafana's keys, those that are managed.
        json_data: keys of jsonData; None removes one.
        keep_unknown: whether other keys of jsonData stay.
        secrets: by name, "" removes one.
        policy, key: see _grafana_api_secrets.
    """

    present: bool
    name: str = ""
    uid: str = ""
    fields: t.Mapping[str, t.Any] = {}
    json_data: t.Mapping[str, t.Any] = {}
    keep_unknown: bool = True
    secrets: t.Mapping[str, str] = {}
    policy: str = "on_create"
    key: str = ""


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The wish of a module's options.

    Raises:
        StackError: it cannot be carried out as it stands.
    """
    uid = str(params.get("uid") or "")
    name = str(params.get("name") or "").strip()
    fields = {key: params[option] for key, option in FIELDS.items() if params.get(option) is not None}
    if "name" in fields:
        fields["name"] = name
    user = params.get("basic_auth_user")
    if user is not None:
        fields["basicAuth"] = bool(user)
        if user:
            fields["basicAuthUser"] = user
    secrets = {}
    for key, value in (params.get("secure_json_data") or {}).items():
        secrets[str(key)] = "" if value is None else str(value)
    key = str(params.get("fingerprint_key") or "")
    return Wish(
        present=params["state"] == "present",
        name=name,
        uid=check_uid(uid, "a data source") if uid else "",
        fields=fields,
        json_data=params.get("json_data") or {},
        keep_unknown=bool(params.get("keep_unknown_json_data", True)),
        secrets=secrets,
        policy=policy_of(params.get("update_secrets"), key) if params["state"] == "present" else "",
        key=key,
    )


def body_of(source: t.Mapping[str, t.Any]) -> Form:
    """What Grafana has, in the keys that are written: a PUT replaces the whole, so all of it is carried over."""
    body: Form = {
        key: source.get(key) or ""
        for key in ("uid", "name", "type", "access", "url", "user", "database", "basicAuthUser")
    }
    body.update({key: bool(source.get(key)) for key in FLAGS})
    body["jsonData"] = dict(source.get("jsonData") or {})
    return body


def merged_json(current: t.Mapping[str, t.Any], wish: Wish, fingerprints: t.Mapping[str, str]) -> Form:
    """jsonData as it is wanted."""
    found = dict(current) if wish.keep_unknown else {}
    found.pop(PLACE, None)
    for key, value in wish.json_data.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    if fingerprints:
        found[PLACE] = dict(fingerprints)
    return found


def wanted_body(current: Form | None, wish: Wish, uid: str, fingerprints: t.Mapping[str, str]) -> Form:
    """The whole data source as it is wanted, in the keys that are written."""
    body: Form = dict(current) if current else {**body_of({}), "uid": uid, "access": "proxy", "name": wish.name}
    for key, value in wish.fields.items():
        if key == "type" and current and ALIASES.get(value, value) == ALIASES.get(current["type"], current["type"]):
            continue
        body[key] = value
    body["jsonData"] = merged_json((current or {}).get("jsonData") or {}, wish, fingerprints)
    return body


def form_of(body: Form, secrets: t.Mapping[str, str]) -> Form:
    """A data source in normal form, for comparison and diff: no fingerprint, of a secret only that it is set."""
    form = dict(body)
    form["jsonData"] = {key: value for key, value in body["jsonData"].items() if key != PLACE}
    if not body["basicAuth"]:
        # Grafana keeps the name of a user that is not used any more.
        form.pop("basicAuthUser", None)
    form["secureJsonData"] = dict(secrets)
    return form
