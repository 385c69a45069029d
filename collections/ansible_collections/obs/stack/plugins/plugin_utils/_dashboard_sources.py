# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Read dashboards on the controller, one at a time, and pack them for the host."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Callable, NamedTuple

from ansible_collections.obs.stack.plugins.module_utils._grafana_api_definition import (
    Definition,
    recognise,
    refuse,
    resolved,
)
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_names import derived
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_ownership import tagged
from ansible_collections.obs.stack.plugins.module_utils._grafana_api_sync import INDEX
from ansible_collections.obs.stack.plugins.plugin_utils._payload import LEFTOVER, parse_yaml

SUFFIXES = (".json", ".yaml", ".yml")
# The same archive for the same dashboards.
EPOCH = (1980, 1, 1, 0, 0, 0)


class Source(NamedTuple):
    """One dashboard as it is given.

    Attributes:
        label: what it is called in errors and results.
        key: what a uid is derived from where it has none.
        folder: of the tree, "" at the top.
        load: parses it.
    """

    label: str
    key: str
    folder: str
    load: Callable[[], Any]


def load(path: str, label: str) -> Any:
    """The document of a JSON or YAML file.

    Raises:
        StackError: with file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise refuse(label, f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise refuse(label, error.strerror or str(error)) from error
    if not path.endswith(".json"):
        return parse_yaml(text, what=f"the dashboard {label}", hint="Correct the file.")
    try:
        return json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise refuse(
            f"{label} (line {error.lineno}, column {error.colno})", error.msg, "Is it the whole file?"
        ) from error


def sources_of(paths: Iterable[str]) -> Iterator[Source]:
    """The dashboards of files, and of folders with all below them, in a fixed order.

    Raises:
        StackError: a path is missing, or holds none.
    """
    for path in paths:
        if os.path.isfile(path):
            yield _file(path, os.path.basename(path))
            continue
        found = list(_below(path))
        if not found:
            raise refuse(f"folder {path}", "it holds no .json, .yaml or .yml file", "Name the folder that does.")
        for relative in found:
            yield _file(os.path.join(path, relative), relative)


def _below(top: str) -> Iterator[str]:
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(one for one in folders if not LEFTOVER.search(one))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not LEFTOVER.search(name):
                yield os.path.relpath(os.path.join(folder, name), top)


def _file(path: str, relative: str) -> Source:
    relative = relative.replace(os.sep, "/")
    folder = relative.rpartition("/")[0]
    return Source(relative, os.path.splitext(relative)[0], folder, lambda: load(path, relative))


def sources_of_definitions(definitions: Iterable[Mapping[str, Any]]) -> Iterator[Source]:
    """The dashboards that a task gives itself."""
    for number, document in enumerate(definitions, 1):
        label = f"number {number} of definitions"
        title = str(document.get("title") or number)
        yield Source(label, title, "", lambda document=document: document)  # type: ignore[misc]


def pack(
    target: str, sources: Iterable[Source], *, inputs: Mapping[str, Any], owner: str, folder_uid: str | None = None
) -> list[dict[str, Any]]:
    """Write the archive that the host half reads; gives its index.

    Args:
        target: file to write.
        sources: the dashboards.
        inputs: values of the inputs that exports ask for.
        owner: whose they are; "" for nobody's.
        folder_uid: the folder they go into, which a derived uid depends on.

    Raises:
        StackError: a dashboard cannot be used, or two have one uid.
    """
    index: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for source in sources:
            definition = resolved(recognise(source.load(), source.label), inputs)
            uid = definition.uid or derived(owner, folder_uid or "", source.key)
            if uid in seen:
                raise refuse(
                    source.label,
                    f"its uid '{uid}' is that of {seen[uid]} as well",
                    "Give one of the two another uid; Grafana would keep only the last one.",
                )
            seen[uid] = source.label
            definition = owned(definition._replace(uid=uid), owner)
            entry = {"uid": uid, "folder": source.folder, "member": f"{len(index)}.json"}
            _put(archive, entry["member"], definition._asdict())
            index.append(entry)
        _put(archive, INDEX, index)
    return index


def owned(definition: Definition, owner: str) -> Definition:
    """The dashboard with its owner's tags."""
    if not owner:
        return definition
    spec = dict(definition.spec)
    spec["tags"] = tagged(spec.get("tags"), owner, definition.uid)
    return definition._replace(spec=spec)


def _put(archive: zipfile.ZipFile, name: str, document: Any) -> None:
    member = zipfile.ZipInfo(name, EPOCH)
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, json.dumps(document, ensure_ascii=False).encode())
