# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges Grafana's settings before they are used, which Grafana itself offers no command for.

Reads what Grafana would read, as its account: the files named in grafana.ini, its keys against those of the release's
own defaults.ini, and the dashboards. Prints what is wrong, one line each, and ends with 1. Python 3.9, standard library
only.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator

import settings

# Sections in which any key may stand, by upstream's design.
FREE = re.compile(r"^(feature_toggles|plugin\..+|unified_storage\..+)$")
LISTED = re.compile(r"^[;#]?\s*([A-Za-z][A-Za-z0-9_.-]*)\s*=")
SECTION = re.compile(r"^[;#]?\s*\[([A-Za-z][A-Za-z0-9_.-]*)\]\s*$")
KNOWN_PASSWORDS = ("admin",)
KNOWN_SECRET_KEYS = ("SW2YcwTIb9zpOOhoPsMm",)


def listed_keys(path: str) -> dict[str, set[str]]:
    """Section to keys of the release's defaults.ini, those in comments too: they are optional ones."""
    found: dict[str, set[str]] = {"": set()}
    section = ""
    with open(path, encoding="utf-8") as handle:
        for line in handle:
            head, key = SECTION.match(line.strip()), LISTED.match(line.strip())
            if head:
                section = head.group(1)
                found.setdefault(section, set())
            elif key:
                found[section].add(key.group(1))
    return found


def unlisted(found: settings.Settings, known: dict[str, set[str]], accepted: set[str]) -> Iterator[str]:
    """Sections and keys this release does not know: it would pass over them without a word."""
    for section, keys in found.items():
        if section not in known and not FREE.match(section):
            if not keys.keys() <= {key[len(section) + 1 :] for key in accepted if key.startswith(section + ".")}:
                yield f"unknown section [{section}]{_meant(section, list(known))}"
            continue
        for key in keys:
            name = f"{section}.{key}" if section else key
            if key not in known.get(section, set()) and name not in accepted and not FREE.match(section):
                yield f"unknown key {name}{_meant(key, sorted(known.get(section, set())))}"


def _meant(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def unreadable(found: settings.Settings) -> Iterator[str]:
    """Files that the settings name and Grafana could not read."""
    for section, keys in found.items():
        for key, value in keys.items():
            named = settings.files_named(value)
            if key in ("cert_file", "cert_key", "config_file", "ca_cert_path") and value.startswith("/"):
                named.append(value)
            for path in named:
                try:
                    with open(path, "rb") as handle:
                        if not handle.read().strip():
                            yield f"{section}.{key}: {path} is empty"
                except OSError as error:
                    yield f"{section}.{key}: {path}: {(error.strerror or str(error)).lower()}"


def well_known(found: settings.Settings) -> Iterator[str]:
    """Secrets that everybody knows, in files that only this host has."""
    security = found.get("security", {})
    for key, known in (("admin_password", KNOWN_PASSWORDS), ("secret_key", KNOWN_SECRET_KEYS)):
        try:
            value = settings.expanded(security.get(key, ""))
        except OSError:
            continue  # told already
        if not value or value in known:
            state = "upstream's own" if value else "not set"
            yield f"security.{key} is {state}"


def dashboards(folder: str) -> Iterator[str]:
    """Dashboards that Grafana could not read, or of which it would show only one."""
    seen: dict[str, str] = {}
    for root, _folders, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(root, name)
            if not name.endswith(".json"):
                yield f"{path}: not a .json file"
                continue
            try:
                with open(path, encoding="utf-8") as handle:
                    document = json.load(handle)
            except ValueError as error:
                yield f"{path}: {error}"
                continue
            yield from _dashboard(path, document, seen)


def _dashboard(path: str, document: object, seen: dict[str, str]) -> Iterator[str]:
    if not isinstance(document, dict) or not (document.get("title") or document.get("spec")):
        yield f"{path}: not a dashboard, it has no title"
        return
    if "__inputs" in document:
        yield f"{path}: an export for sharing: its __inputs are asked of people, give it fixed data sources"
    uid = str(document.get("uid") or "")
    if uid and uid in seen:
        yield f"{path}: {seen[uid]} has the same uid {uid}"
    seen[uid] = path


def main(arguments: list[str]) -> int:
    """Judge everything named; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--settings", required=True, help="grafana.ini")
    options.add_argument("--release", required=True, help="folder of the release, with conf/defaults.ini")
    options.add_argument("--dashboards", default="", help="folder of dashboards")
    options.add_argument("--accept", action="append", default=[], help="section.key that defaults.ini need not have")
    options.add_argument("--backup", default="", help="the database is to be saved, on the host that has this folder")
    chosen = options.parse_args(arguments)
    try:
        found = settings.read(chosen.settings)
    except (OSError, ValueError) as error:
        print(error)
        return 1
    wrong = [*unreadable(found), *well_known(found), *dashboards(chosen.dashboards)]
    defaults = os.path.join(chosen.release, "conf", "defaults.ini")
    # An archive of somebody's own may come without: then the keys are not judged.
    if os.path.exists(defaults):
        wrong += unlisted(found, listed_keys(defaults), set(chosen.accept))
    if os.path.isdir(chosen.backup) and found.get("database", {}).get("type") == "postgres":
        wrong += [
            f"{name} is not on this host: it saves the database before another version touches it"
            for name in ("pg_dump", "psql")
            if not shutil.which(name)
        ]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
