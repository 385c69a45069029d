# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Hold the ``obs_*`` variables of hosts against their specification, and find names that are nearly one of them. Pure.

Ansible's own validator is for arguments of modules: it takes text for lists, does not say which item of a list is
wrong, and shows the value of a secret. Hence a small one, on Ansible's own conversions of types.
"""

from __future__ import annotations

import difflib
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

PREFIX = "obs_"
# Share of equal letters from which a name counts as a slip: one letter too many, too few or another.
NEAR = 0.85
NAMED = 3

Option = t.Mapping[str, t.Any]
Options = t.Mapping[str, Option]
Sections = t.Sequence[t.Mapping[str, t.Any]]

_TYPES: dict[str, tuple[str, Callable[[t.Any], t.Any]]] = {
    "bool": ("true or false", check_type_bool),
    "int": ("a whole number", check_type_int),
    "float": ("a number", check_type_float),
}


def options_of(sections: Sections) -> dict[str, Option]:
    """All variables of a specification (playbooks/vars/inventory_spec.yml), sections left out."""
    return {name: option for section in sections for name, option in section["options"].items()}


def option_of(variable: str, options: Options) -> Option | None:
    """The specification of a variable, by its own name or its family's."""
    if variable in options:
        return options[variable]
    for name, option in options.items():
        if option.get("family") and variable.startswith(name + "_"):
            return option
    return None


def misspelt(variable: str, options: Options) -> str:
    """The variable that was probably meant, or "" where the name is right, or far from all of them.

    A name that is far is the user's own. One that is near would be passed over in silence, so it is refused.
    """
    if not variable.startswith(PREFIX) or option_of(variable, options) is not None:
        return ""
    near = difflib.get_close_matches(variable, list(options), n=1, cutoff=NEAR)
    if near:
        return near[0]
    stem, _slash, rest = variable[len(PREFIX) :].partition("_")
    families = [name for name, option in options.items() if option.get("family")]
    near = difflib.get_close_matches(PREFIX + stem, families, n=1, cutoff=NEAR)
    return "{0}_{1}".format(near[0], rest) if near and rest else ""


def breaches(value: t.Any, option: Option, where: str) -> Iterator[tuple[str, str]]:
    """What in a value does not fit its specification: (where, what is wrong). ``null`` counts as not set."""
    if value is None:
        return
    kind = str(option.get("type") or "raw")
    shown = "what is given" if option.get("no_log") else repr(value)[:80]
    if kind == "list":
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            yield where, "{0} is not a list".format(shown)
            return
        element = {key: option[key] for key in ("options", "other_keys", "no_log") if key in option}
        for number, item in enumerate(value, 1):
            yield from breaches(item, dict(element, type=option.get("elements")), "{0}[{1}]".format(where, number))
    elif kind == "dict":
        if not isinstance(value, Mapping):
            yield where, "{0} is not a dictionary".format(shown)
        elif "options" in option:
            yield from _keys(value, option, where)
    elif kind != "raw" and isinstance(value, (Mapping, list, tuple)):
        yield where, "{0} is not {1}".format(shown, _TYPES[kind][0] if kind in _TYPES else "text")
    elif kind in _TYPES:
        words, convert = _TYPES[kind]
        try:
            convert(value)
        except (TypeError, ValueError):
            yield where, "{0} is not {1}".format(shown, words)
    if option.get("choices") and kind not in ("list", "dict") and str(value) not in map(str, option["choices"]):
        yield where, "{0} is none of {1}".format(shown, ", ".join(map(str, option["choices"])))


def _keys(value: t.Mapping[str, t.Any], option: Option, where: str) -> Iterator[tuple[str, str]]:
    options: Options = option["options"]
    for key, inner in options.items():
        if inner.get("required") and value.get(key) in (None, ""):
            yield where, "has no {0}".format(key)
    for key in value:
        if key in options:
            yield from breaches(value[key], options[key], "{0}.{1}".format(where, key))
        elif not option.get("other_keys"):
            yield where, "has no key '{0}'; it takes {1}".format(key, ", ".join(options))


def check(hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: Sequence[str], options: Options) -> list[str]:
    """What is wrong with the ``obs_*`` variables of hosts, in words; each once for all its hosts."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        variables = hostvars[host]
        for name in sorted(name for name in variables if str(name).startswith(PREFIX)):
            for words in _of_variable(name, variables, options):
                found.setdefault(words, []).append(host)
    return [words.format(some(on)) for words, on in found.items()]


def _of_variable(name: str, variables: t.Mapping[str, t.Any], options: Options) -> Iterator[str]:
    """Messages with a place for the hosts."""
    option = option_of(name, options)
    if option is not None:
        for where, what in breaches(variables[name], option, name):
            yield "{0} of {{0}}: {1}. docs/inventory.md says what it takes.".format(where, _escaped(what))
        return
    meant = misspelt(name, options)
    if meant:
        yield "{0} of {{0}} is not known. Did you mean {1}? A variable of your own needs another name.".format(
            name, meant
        )


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def some(hosts: Sequence[str]) -> str:
    """A few hosts by name, the others by number."""
    more = len(hosts) - NAMED
    return ", ".join(hosts[:NAMED]) + (" and {0} more".format(more) if more > 0 else "")
