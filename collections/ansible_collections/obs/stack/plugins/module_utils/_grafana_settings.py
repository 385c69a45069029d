# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Grafana's settings: the grafana.ini, whose administrator it is, and what must not stand in it. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._merge import is_list

# Upstream's own, in every copy of its defaults.ini: what they protect is protected from nobody.
KNOWN_SECRET_KEYS = ("SW2YcwTIb9zpOOhoPsMm",)
KNOWN_PASSWORDS = ("admin", "administrator", "changeme", "grafana", "password", "prom-operator", "secret")
SHORTEST_PASSWORD = 8

_EXPANDED = re.compile(r"^\$__(file|env|vault)\{[^{}]+\}$")
_FILE = re.compile(r"^\$__file\{([^{}]+)\}$")
_SECTION = re.compile(r"^[A-Za-z0-9_.-]+$")
_KEY = re.compile(r"^[A-Za-z0-9_.-]+$")
_SECRET_KEY = re.compile(r"(^|_)(password|secret|token|secret_key|cert_pass)$")
_CREDENTIALS_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@")
# What the role's variables decide, and whoever asks Grafana derives from them.
_OWNED = {
    ("server", "http_addr"): "grafana_listen_address",
    ("server", "http_port"): "grafana_listen_address",
    ("security", "admin_user"): "grafana_admin_user",
    ("paths", "data"): "grafana_data_dir",
    ("paths", "plugins"): "grafana_plugins",
    ("paths", "provisioning"): "grafana_datasources, grafana_dashboards and grafana_files",
}
UNSIGNED = ("plugins", "allow_loading_unsigned_plugins")
_BACKED_UP = ("sqlite3", "postgres")
_PLUGIN = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)+$")
PLUGIN_URL = "https://grafana.com/api/plugins/{id}/versions/{version}/download"
SIGNED = ("plugin.json", "MANIFEST.txt")


def _refuse(what: str, why: str, hint: str) -> StackError:
    return StackError(what, why=why, hint=hint, step="input", doc="input")


def admin_access(config: Mapping[str, t.Any], *, user: str, password: str, secret_key: str) -> dict[str, t.Any]:
    """The administrator's account and the key of the database, both the user's own.

    Args:
        config: the user's ``grafana_config``. ``security.admin_password`` and ``security.secret_key`` in it may name a
            file that is on the host already (``$__file{/path}``) in place of the variables.
        user: login of the administrator.
        password: password of the first start.
        secret_key: key that encrypts credentials in the database.

    Returns:
        ``config`` (the section ``security``), ``secrets`` for release_service and ``password_file``.

    Raises:
        StackError: one of the two is missing, upstream's own, or would stand in the clear.
    """
    own = config.get("security") or {}
    answer: dict[str, t.Any] = {"config": {"security": {"admin_user": user}}, "secrets": [], "password_file": ""}
    for key, value in (("admin_password", password), ("secret_key", secret_key)):
        variable, where = f"grafana_{key}", str(own.get(key) or "")
        path = f"/etc/grafana/secrets/{key}"
        if where:
            _refuse_both(variable, value, where)
            path = (_FILE.match(where) or ["", ""])[1]
        else:
            _refuse_weak(key, variable, value, user)
            answer["secrets"].append({"path": f"secrets/{key}", "content": value, "variable": variable})
            answer["config"]["security"][key] = f"$__file{{{path}}}"
        if key == "admin_password":
            answer["password_file"] = path
    return answer


def _refuse_both(variable: str, value: str, where: str) -> None:
    key = variable[len("grafana_") :]
    if not _EXPANDED.match(where):
        raise _refuse(
            f"Could not use grafana_config.security.{key}",
            "it would stand in the clear in grafana.ini",
            f"Set {variable}, from a vault, or name a file on the host: $__file{{/path}}.",
        )
    if value:
        raise _refuse(
            f"Could not use {variable}", f"grafana_config.security.{key} is set as well", "Leave out one of the two."
        )


def _refuse_weak(key: str, variable: str, value: str, user: str) -> None:
    why = ""
    if not value:
        why = "it is not set, and upstream's own is known to everybody"
    elif value != value.strip() or "\n" in value:
        why = "it has blanks at an end or a line break, which Grafana would drop"
    elif key == "secret_key":
        why = "it is upstream's own, known to everybody" if value in KNOWN_SECRET_KEYS else ""
    elif value.lower() in (*KNOWN_PASSWORDS, user.lower()):
        why = "it is one of those that are tried first"
    elif len(value) < SHORTEST_PASSWORD:
        why = f"it has less than {SHORTEST_PASSWORD} characters"
    if why:
        raise _refuse(f"Could not use {variable}", why, f"Set {variable} to one of your own, from a vault.")


def check_config(config: Mapping[str, t.Any], *, backup: bool) -> dict[str, t.Any]:
    """The user's ``grafana_config``, if nothing in it is the business of another variable.

    Args:
        config: section to keys.
        backup: whether the database is saved before another version touches it.

    Raises:
        StackError: a key belongs to a variable, or the database is of a kind that cannot be saved.
    """
    for section, keys in config.items():
        for key in keys if isinstance(keys, Mapping) else ():
            where, pair = f"Could not use grafana_config.{section}.{key}", (str(section), str(key))
            if keys[key] in (None, ""):
                continue
            if pair in _OWNED:
                raise _refuse(where, "the role has a variable for it", f"Use {_OWNED[pair]}.")
            if pair == UNSIGNED:
                raise _refuse(where, "nobody vouches for an unsigned plugin", "Sign it: grafana-plugin sign, private.")
    kind = str((config.get("database") or {}).get("type") or "sqlite3")
    if backup and kind not in _BACKED_UP:
        raise _refuse(
            f"Could not prepare backups of a database of type {kind}",
            "only {} are saved before another version of Grafana touches them".format(" and ".join(_BACKED_UP)),
            "Set grafana_database_backup: false and save it yourself before each change of version.",
        )
    return dict(config)


def plugin_archives(plugins: Sequence[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Plugins as additions of the release: another set of them is another release, and goes back with it.

    Args:
        plugins: ``id``, ``version`` and ``sha256`` (by architecture, or ``any``), optionally ``url``.

    Raises:
        StackError: an id that is none, or one that comes twice.
    """
    found: dict[str, dict[str, t.Any]] = {}
    for plugin in plugins:
        name = str(plugin.get("id") or "")
        if not _PLUGIN.match(name) or name in found:
            why = "it is there twice" if name in found else "its id is not of the form maker-name-kind"
            raise _refuse(f"Could not use '{name}' of grafana_plugins", why, "Take the id of the plugin's page.")
        url = str(plugin.get("url") or PLUGIN_URL).replace("{id}", name)
        url = url.replace("{version}", str(plugin.get("version") or ""))
        # Without its manifest nobody vouches for it, and Grafana would pass over it without a word.
        members = list(SIGNED)
        found[name] = {"path": f"plugins/{name}", "url": url, "sha256": plugin.get("sha256"), "members": members}
    return list(found.values())


def ini_text(settings: Mapping[str, t.Any]) -> str:
    """grafana.ini from section to keys. Keys outside of any section (``app_mode``) stand at its head.

    Booleans become ``true`` and ``false``, a list its items with commas between, ``null`` nothing.

    Raises:
        StackError: a name or value that an ini file cannot hold, or a secret in the clear.
    """
    head = [_line("", key, value) for key, value in settings.items() if not isinstance(value, Mapping)]
    parts = ["".join(head)] if any(head) else []
    for section in settings:
        keys = settings[section]
        if not isinstance(keys, Mapping):
            continue
        if not _SECTION.match(str(section)):
            raise _refuse(
                f"Could not write the section '{section}' of grafana.ini",
                "its name is not of letters, digits, '.', '_' and '-'",
                "Write it as upstream's defaults.ini does, for example auth.generic_oauth.",
            )
        lines = "".join(_line(str(section), key, value) for key, value in keys.items())
        if lines:
            parts.append(f"[{section}]\n{lines}")
    return "\n".join(parts)


def _line(section: str, key: t.Any, value: t.Any) -> str:
    where = f"{section}.{key}" if section else str(key)
    if value is None:
        return ""
    if not _KEY.match(str(key)) or isinstance(value, Mapping):
        raise _refuse(
            f"Could not write {where} of grafana.ini",
            "a section cannot hold another" if isinstance(value, Mapping) else "its name is no name of a key",
            "Write sections with dots in their names: auth.generic_oauth: {…}.",
        )
    text = _text(value)
    if "\n" in text or "\r" in text:
        raise _refuse(f"Could not write {where} of grafana.ini", "its value has a line break", "")
    hidden = bool(_SECRET_KEY.search(str(key))) and text not in ("", "true", "false")
    if (hidden and not _EXPANDED.match(text)) or _CREDENTIALS_IN_URL.search(text):
        raise _refuse(
            f"Could not write {where} of grafana.ini",
            "a secret would stand in the clear",
            "Put it into grafana_secrets and name the file: $__file{/etc/grafana/secrets/<name>}.",
        )
    return f"{key} = {_quoted(text)}\n" if text else f"{key} =\n"


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_list(value):
        return ",".join(_text(item) for item in value)
    return str(value)


def _quoted(text: str) -> str:
    """A value as it stands in the file: in triple quotes where the reader would see a comment or a continuation."""
    if re.search(r"[#;`]", text) or text.endswith("\\") or text[:1] in "\"'":
        return f'"""{text}"""'
    return text
