# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Merge configurations written in upstream's own vocabulary, and turn dictionaries into argument vectors.

Everything here is pure: inputs are never changed, results hold only plain dictionaries, lists and scalars.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError

# Lists whose items have an identity: they merge item by item. True: upstream demands the key of every item.
KEYED_LISTS: dict[str, tuple[str, bool]] = {
    "datasources": ("name", True),
    "groups": ("name", True),
    "mute_time_intervals": ("name", True),
    "receivers": ("name", True),
    "remote_read": ("name", False),
    "remote_write": ("name", False),
    "scrape_configs": ("job_name", True),
    "time_intervals": ("name", True),
}
PATCH = "$patch"


def is_list(value: object) -> bool:
    """True for lists and tuples, never for text."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def config_merge(base: Mapping[str, t.Any], *overs: Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Merge each of ``overs`` over ``base``, the last one winning.

    Dictionaries merge; ``null`` deletes; lists replace, except the keyed ones (``KEYED_LISTS``), which merge by their
    key, base items first. An item with ``$patch: delete`` removes the base's item of that key.

    Args:
        base: the configuration to start from.
        overs: what is laid over it, in order; ``None`` and empty ones change nothing.

    Returns:
        A new dictionary.

    Raises:
        StackError: an argument is not a dictionary, or an item of a keyed list lacks its key or repeats one.
    """
    result = _as_dict(base, "base")
    for over in overs:
        if over:
            result = _merge_dicts(result, _as_dict(over, "over"), "")
    return t.cast("dict[str, t.Any]", _plain(result, drop_nulls=True))


def _as_dict(value: t.Any, name: str) -> dict[str, t.Any]:
    if not isinstance(value, Mapping):
        raise StackError(
            "Could not merge configurations",
            why=f"{name} is {type(value).__name__}, not a dictionary",
            hint="Write the configuration as a YAML dictionary in upstream's own keys.",
        )
    return dict(value)


def _merge_dicts(base: Mapping[str, t.Any], over: Mapping[str, t.Any], path: str) -> dict[str, t.Any]:
    result = dict(base)
    for key, value in over.items():
        where = f"{path}.{key}" if path else str(key)
        result[key] = _merge_values(result.get(key), value, str(key), where)
    return result


def _merge_values(base: t.Any, over: t.Any, key: str, path: str) -> t.Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return _merge_dicts(base, over, path)
    # A named time interval of upstream's holds a list of the same name, without names.
    inner = path.startswith(f"{key}[")
    if key in KEYED_LISTS and not inner and is_list(over) and (base is None or is_list(base)):
        return _merge_keyed(base or [], over, key, path)
    return over


def _merge_keyed(base: Sequence[t.Any], over: Sequence[t.Any], name: str, path: str) -> list[t.Any]:
    key, required = KEYED_LISTS[name]
    if not required and not all(isinstance(item, Mapping) and item.get(key) for item in (*base, *over)):
        return list(over)
    result = _by_key(base, key, path)
    for identity, item in _by_key(over, key, path).items():
        if item.get(PATCH) == "delete":
            result.pop(identity, None)
        else:
            result[identity] = _merge_dicts(result.get(identity, {}), item, f"{path}[{identity}]")
    return list(result.values())


def _by_key(items: Sequence[t.Any], key: str, path: str) -> dict[str, Mapping[str, t.Any]]:
    result: dict[str, Mapping[str, t.Any]] = {}
    for number, item in enumerate(items, 1):
        identity = item.get(key) if isinstance(item, Mapping) else None
        if not identity:
            why = f"item {number} has no {key}"
        elif identity in result:
            why = f"{key} '{identity}' is there twice"
        else:
            result[str(identity)] = item
            continue
        raise StackError(f"Could not merge {path}", why=why, hint=f"Give every item a {key} of its own.")
    return result


def _plain(value: t.Any, drop_nulls: bool = False) -> t.Any:
    """Copy to plain containers; ``null`` values of dictionaries go, those in lists stay."""
    if isinstance(value, Mapping):
        return {
            str(key): _plain(item, drop_nulls)
            for key, item in value.items()
            if key != PATCH and not (drop_nulls and item is None)
        }
    if is_list(value):
        return [_plain(item, drop_nulls) for item in value]
    return value


def version_key(version: str) -> tuple[int, ...]:
    """Numbers of a version for comparing: ``3.13.0-rc.1`` counts as 3.13.0, whose keys it already knows.

    Raises:
        StackError: the text does not begin with dotted numbers.
    """
    text = str(version).strip()
    core = text[1:] if text[:1] == "v" else text
    core = core.split("-", 1)[0].split("+", 1)[0]
    parts = core.split(".")
    if not all(part.isdigit() for part in parts):
        raise StackError(
            f"Could not read the version '{text}'",
            why="it is not dotted numbers",
            hint="Write it as upstream's release tag without the v, e.g. '3.13.5' (in quotes).",
        )
    numbers = [int(part) for part in parts]
    return tuple(numbers + [0] * (3 - len(numbers)))


def layers_for(layers: Sequence[Mapping[str, t.Any]], version: str) -> dict[str, t.Any]:
    """Merge the layers that hold for a version, in order.

    Args:
        layers: dictionaries with ``config`` and, optionally, ``since`` (this version and newer) and ``before``
            (older than this version).
        version: the release that will read the configuration.

    Returns:
        The merged configuration.

    Raises:
        StackError: a layer has an unknown key or no ``config``.
    """
    # What is no version at all is refused by release_service, with the variable it came from.
    try:
        wanted = version_key(version)
    except StackError:
        wanted = version_key("999999")
    result: dict[str, t.Any] = {}
    for number, layer in enumerate(layers, 1):
        unknown = sorted(set(layer) - {"since", "before", "config"})
        if unknown or "config" not in layer:
            why = f"unknown key {unknown[0]}" if unknown else "no config"
            raise StackError(f"Could not read layer {number}", why=why, hint="Keys are since, before, config.")
        too_old = "since" in layer and wanted < version_key(layer["since"])
        too_new = "before" in layer and wanted >= version_key(layer["before"])
        if not (too_old or too_new):
            result = config_merge(result, layer["config"])
    return result


def cli_flags(flags: Mapping[str, t.Any]) -> list[str]:
    """Turn a dictionary into arguments, sorted by name: ``{'a.b': 1, 'c': True}`` is ``['--a.b=1', '--c']``.

    ``true`` gives ``--name``, ``false`` ``--no-name``, ``null`` nothing, a list one argument per item in its order,
    an empty text ``--name=``.

    Raises:
        StackError: a name is empty, begins with a dash or holds a blank or '=', or a value is a dictionary.
    """
    result: list[str] = []
    for name in sorted(flags):
        value = flags[name]
        if not name or name.startswith("-") or any(character in name for character in " =\n\t"):
            raise StackError(
                f"Could not use the flag '{name}'",
                why="it is not a bare flag name",
                hint="Write it without dashes, e.g. web.external-url: https://…",
            )
        for item in value if is_list(value) else [value]:
            if isinstance(item, Mapping) or (is_list(item)):
                raise StackError(
                    f"Could not use the flag '{name}'",
                    why=f"its value is {type(item).__name__}",
                    hint="Give text, a number, a boolean, or a list of them.",
                )
            if item is True:
                result.append(f"--{name}")
            elif item is False:
                result.append(f"--no-{name}")
            elif item is not None:
                result.append(f"--{name}={item}")
    return result


def collector_flags(collectors: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Turn node_exporter collectors into flags: on, off, or on with options.

    ``{'wifi': False, 'textfile': {'directory': '/x'}}`` is
    ``{'collector.wifi': False, 'collector.textfile': True, 'collector.textfile.directory': '/x'}``.

    Raises:
        StackError: a value is neither a boolean, nor ``null`` (upstream's default), nor a dictionary.
    """
    result: dict[str, t.Any] = {}
    for name, value in collectors.items():
        flag = f"collector.{name}"
        if isinstance(value, Mapping):
            result[flag] = True
            result.update({f"{flag}.{key}": item for key, item in value.items()})
        elif value is None or isinstance(value, bool):
            result[flag] = value
        else:
            raise StackError(
                f"Could not set the collector '{name}'",
                why=f"its value is {type(value).__name__}",
                hint="Give true, false, or a dictionary of its options.",
            )
    return result
