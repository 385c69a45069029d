# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What amtool check-config passes and a notification would fail on: texts of receivers, and files they read. Pure.

Every text goes into a template file of its own, named after the receiver and key it is of, and is rendered with sample
alerts. So the words of a failure name it, and nothing of it is an argument, in which systemd would expand ``$name``.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._merge import is_list
from ansible_collections.obs.stack.plugins.module_utils._routing import quoted, refusal
from ansible_collections.obs.stack.plugins.module_utils._routing_receivers import ETC, channels

FOLDER = "checks"
SAMPLES = ("one", "many", "bare")
_DEFINES = re.compile(r"\{\{-?\s*(define|block)\b")
# Opens each file and prints nothing, neither of it nor about one that it could open.
_READER = ["/usr/bin/head", "-qc0"]


class Text(t.NamedTuple):
    """A text that upstream takes for a template. ``form`` is ``text`` or ``html``."""

    place: str
    form: str
    text: str


def texts(config: t.Mapping[str, t.Any]) -> list[Text]:
    """Every template in the receivers of a configuration, each text once.

    Raises:
        StackError: one defines templates, which belongs into a file of them.
    """
    found: dict[tuple[str, str], Text] = {}
    for receiver, kind, number, channel in channels(config):
        for path, value in _strings(channel, ""):
            place = f"{receiver}.{kind}.{number + 1}.{path}"
            form = "html" if _is_html(kind, path, channel) else "text"
            if _DEFINES.search(value):
                raise refusal(place, "it defines a template", "Put that into a file of alertmanager_templates.")
            found.setdefault((form, value), Text(place, form, value))
    return list(found.values())


def _strings(value: t.Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, f"{path}.{key}" if path else str(key))
    elif is_list(value):
        for number, item in enumerate(value, 1):
            yield from _strings(item, f"{path}.{number}")
    elif isinstance(value, str) and "{{" in value:
        yield path, value


def _is_html(kind: str, path: str, channel: t.Mapping[str, t.Any]) -> bool:
    if kind == "email_configs":
        return path == "html"
    return kind == "telegram_configs" and path == "message" and channel.get("parse_mode", "HTML") == "HTML"


def secret_files(config: t.Any) -> list[str]:
    """Absolute path of every file that the configuration names by a ``*_file`` key, once, in order."""
    return list(dict.fromkeys(_named_files(config)))


def _named_files(value: t.Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if str(key).endswith("_file") and isinstance(item, str) and item:
                yield posixpath.join(ETC, item)
            else:
                yield from _named_files(item)
    elif is_list(value):
        for item in value:
            yield from _named_files(item)


def files(config: t.Mapping[str, t.Any]) -> list[dict[str, str]]:
    """The template files of the checks, for release_service.

    Raises:
        StackError: as :func:`texts` does.
    """
    return [
        {
            "path": f"{FOLDER}/{_file_name(one.place)}.tmpl",
            "content": "{{ define " + quoted(_name(one)) + " }}" + one.text + "{{ end }}\n",
            "variable": "alertmanager_receivers",
        }
        for one in texts(config)
    ]


def _file_name(place: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", place)


def _name(one: Text) -> str:
    return f"check {one.place}"


def checks(config: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Checks for release_service, each a name and its arguments."""
    found: list[dict[str, t.Any]] = []
    named = secret_files(config)
    if named:
        found.append({"name": "reading the files that receivers need", "argv": [*_READER, "--", *named]})
    globs = [str(one) for one in config.get("templates") or []]
    found += [_render(form, sample, rendered, globs) for form, rendered in _by_form(config) for sample in SAMPLES]
    return found


def _by_form(config: t.Mapping[str, t.Any]) -> list[tuple[str, list[Text]]]:
    every = texts(config)
    grouped = ((form, [one for one in every if one.form == form]) for form in ("text", "html"))
    return [(form, found) for form, found in grouped if found]


def _render(form: str, sample: str, rendered: Sequence[Text], globs: Sequence[str]) -> dict[str, t.Any]:
    words = " ".join("{{ template " + quoted(_name(one)) + " . }}" for one in rendered)
    return {
        "name": "amtool template render",
        "argv": [
            "amtool",
            "template",
            "render",
            *(f"--template.glob={one}" for one in [*globs, f"{ETC}/{FOLDER}/*.tmpl"]),
            f"--template.type={form}",
            f"--template.data={ETC}/{FOLDER}/{sample}.json",
            f"--template.text={words}",
        ],
    }
