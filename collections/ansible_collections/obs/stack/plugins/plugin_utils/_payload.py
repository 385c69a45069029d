# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a task's options to what the host half is handed. Reads sources on the controller; no network, no host."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

import yaml

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._masking import inline_secrets, scalars
from ansible_collections.obs.stack.plugins.plugin_utils._deploy_options import deploy_of, deploy_secrets
from ansible_collections.obs.stack.plugins.plugin_utils._input import bad, check_input
from ansible_collections.obs.stack.plugins.plugin_utils._rule_links import linked_text
from ansible_collections.obs.stack.plugins.plugin_utils._yaml import from_yaml, to_yaml

MODE = re.compile(r"^0?[0-7]{3}$")
YAML_SUFFIXES = (".yml", ".yaml", ".rules")

# What never belongs into a folder of rules or templates: leftovers of editors, and hidden files.
LEFTOVER = re.compile(r"(^\.)|(~$)|(\.(swp|swo|bak|orig|rej|tmp)$)")

Find = Callable[[str], str]
"""Finds a source on the controller as the task sees it (role files/, playbook folder, absolute)."""


def plain(value: Any) -> Any:
    """The same data as built-in types: what a task is handed are Ansible's own tagged and lazy ones."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value


def parse_yaml(text: str, *, what: str, hint: str) -> Any:
    """Parse YAML.

    Raises:
        StackError: with line and column, and the variable it came from.
    """
    try:
        return from_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise StackError(
            "Could not read {}{}".format(what, where), why=str(problem).strip(), hint=hint, step="input", doc="input"
        ) from error


def _from_variable(item: Mapping[str, Any], name: str) -> str:
    variable = item.get("variable") or ""
    return f"It came from {variable}." if variable else f"It is a file of service {name}."


def _source_files(item: Mapping[str, Any], find: Find, name: str) -> Iterator[tuple[str, bytes]]:
    """(relative path, content) of a source: a file, or a folder taken whole. Never templated."""
    try:
        source = find(item["src"])
    except Exception as error:  # each Ansible release raises another class for "not found"
        raise bad(
            "Could not find {!r} on the controller".format(item["src"]),
            str(error).splitlines()[0],
            _from_variable(item, name),
        ) from error
    if os.path.isfile(source):
        relative = os.path.join(item["path"], os.path.basename(source)) if item["path"].endswith("/") else item["path"]
        with open(source, "rb") as handle:
            yield relative, handle.read()
        return
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(one for one in folders if not LEFTOVER.search(one))
        for one in sorted(names):
            if LEFTOVER.search(one):
                continue
            path = os.path.join(folder, one)
            with open(path, "rb") as handle:
                yield os.path.join(item["path"], os.path.relpath(path, source)), handle.read()


def _contents(item: Mapping[str, Any], find: Find, name: str) -> Iterator[tuple[str, bytes]]:
    if item.get("src") is not None:
        yield from _source_files(item, find, name)
    elif item.get("data") is not None:
        yield item["path"], to_yaml(item["data"]).encode()
    else:
        content = item["content"]
        yield item["path"], content if isinstance(content, bytes) else str(content).encode()


def _safe_path(path: str, name: str, item: Mapping[str, Any]) -> str:
    plain = os.path.normpath(path)
    if plain.startswith(("/", "..")) or plain == ".":
        raise bad(
            f"Could not place {path!r} among the files of {name}",
            "the path is not below the service's own folder",
            _from_variable(item, name),
        )
    return plain


def _refuse_clash(paths: list[str], name: str) -> None:
    """Refuse a file at a path that others need as their folder."""
    folders = {path[:index]: path for path in paths for index, sign in enumerate(path) if sign == "/"}
    clash = sorted(folders.keys() & set(paths))
    if clash:
        raise bad(
            f"Could not place {clash[0]} of {name} as a file",
            f"it is the folder of {folders[clash[0]]}",
            "Give one of the two another path.",
        )


def expand_files(
    items: list[dict[str, Any]],
    *,
    name: str,
    find: Find,
    secret: bool,
    reloads: bool,
    links: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Every file of a list of file options, with its content in base64.

    YAML sources are parsed, so that a mistake in a rule is told with its line before any host is touched; their
    bytes are passed on as they are, but for the addresses that _rule_links puts into rules.
    """
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        mode = str(item["mode"])
        if not MODE.match(mode):
            raise bad(
                "Could not use {!r} as the mode of {}".format(mode, item["path"]),
                "it is not three octal digits",
                'Quote it: mode: "0640".',
            )
        if secret and int(mode, 8) & 0o007:
            raise bad(
                "Could not write the secret {} of {} with mode {}".format(item["path"], name, mode),
                "others could read it",
                "Use 0640.",
            )
        default = "none" if "on_change" not in item else "reload" if reloads else "restart"
        for relative, content in _contents(item, find, name):
            path = _safe_path(relative, name, item)
            if path in found:
                raise bad(
                    f"Could not place two files at {path} of {name}",
                    "both {!r} and an earlier entry name it".format(item.get("src") or item["path"]),
                    _from_variable(item, name),
                )
            if path.endswith(YAML_SUFFIXES) and item.get("data") is None and not secret:
                what = "{} of {}".format(item.get("src") if item.get("src") and path == item["path"] else path, name)
                document = parse_yaml(content.decode("utf-8", "replace"), what=what, hint=_from_variable(item, name))
                text = linked_text(content.decode(), document, links) if links else None
                content = content if text is None else text.encode()
            found[path] = {
                "path": path,
                "content": base64.b64encode(content).decode("ascii"),
                "mode": mode,
                "on_change": item.get("on_change") or default,
                "secret": secret,
            }
    return list(found.values())


def secrets_of(items: list[dict[str, Any]]) -> list[str]:
    """Values within secret files that are to be masked on their own."""
    found: list[str] = []
    for item in items:
        if item.get("data") is not None:
            found += scalars(item["data"])
        elif isinstance(item.get("content"), str):
            found.append(item["content"])
    return found


def inline_secret_warnings(items: list[dict[str, Any]], name: str) -> tuple[list[str], list[str]]:
    """Warnings about secrets given inline in a configuration, and their values, to be masked."""
    warnings, values = [], []
    for item in items:
        if item.get("data") is None:
            continue
        for path, value in inline_secrets(item["data"]):
            values.append(value)
            leaf = path.rpartition(".")[2]
            warnings.append(
                "{0} of {1} has a secret inline at '{2}': use {3}_file with a file of {1}_secrets.".format(
                    item["path"], name, path, leaf
                )
            )
    return warnings, values


def build(options: Mapping[str, Any], *, find: Find) -> tuple[dict[str, Any], list[str]]:
    """The payload for the host half, and warnings for the user.

    Args:
        options: checked options of the task.
        find: finds sources on the controller.
    """
    check_input(options)
    options = plain(options)
    name = options["name"]
    payload = {
        key: options[key]
        for key in (
            "name",
            "state",
            "enabled",
            "purge_data",
            "root",
            "ready_timeout",
            "settle_timeout",
            "settle_seconds",
            "keep_generations",
            "adopt",
            "former_units",
            "former_paths",
            "replaces",
            "lock_timeout",
            "fetch",
            "unit",
            "checks",
            "questions",
        )
    }
    for key in ("account", "data", "reload", "probe"):
        payload[key] = options.get(key) or {}
    payload["deploy"] = deploy_of(options)
    if options["state"] == "absent":
        return payload, []
    reloads = bool(payload["reload"].get("signal"))
    release = dict(options["release"], version=str(options["release"]["version"]))
    release["sha256"] = {arch: str(digest).lower() for arch, digest in release["sha256"].items()}
    warnings, masks = inline_secret_warnings(options["files"] + options["live"], name)
    links = options.get("links") or {}
    files = expand_files(options["files"], name=name, find=find, secret=False, reloads=reloads, links=links)
    secrets = expand_files(options["secrets"], name=name, find=find, secret=True, reloads=reloads)
    both = {item["path"] for item in files} & {item["path"] for item in secrets}
    if both:
        raise bad(
            "Could not place {} of {}".format(", ".join(sorted(both)), name), "it is both a file and a secret", ""
        )
    _refuse_clash([item["path"] for item in files + secrets], name)
    payload.update(
        release=release,
        command=[str(word) for word in options["command"]],
        environment={key: str(value) for key, value in options["environment"].items()},
        files=files + secrets,
        live=expand_files(options["live"], name=name, find=find, secret=False, reloads=False),
        settle=[{key: value for key, value in item.items() if value is not None} for item in options["settle"]],
        masks=masks + secrets_of(options["secrets"]) + deploy_secrets(payload["deploy"]),
    )
    return payload, warnings
