# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Take a specification apart, with the place in every refusal. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from ._errors import StackError
from ._slo_durations import seconds_of
from ._slo_maths import exact
from ._slo_model import RESERVED_LABELS


def refuse(where: str, why: str, hint: str = "") -> StackError:
    """A specification that no rules can be made from."""
    return StackError(f"Could not use {where}", why=why, hint=hint, step="input", doc="slo")


class Node:
    """A mapping of a document; whatever is asked for is checked, whatever was not asked for is refused at the end.

    Args:
        value: the mapping, None for an empty one.
        where: file and place, for messages.
    """

    def __init__(self, value: Any, where: str) -> None:
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise refuse(where, f"it is {_kind(value)}, not a mapping")
        self._value = value
        self.where = where
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def at(self, key: str) -> str:
        """The place of a key."""
        return f"{key} of {self.where}"

    def raw(self, key: str) -> Any:
        """A value as it is, None when there is none."""
        self._asked.add(key)
        return self._value.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; numbers are taken as texts.

        Raises:
            StackError: it is missing without a default, or no text.
        """
        value = self.raw(key)
        if value is None:
            if default is None:
                raise refuse(self.where, f"it has no {key}")
            return default
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise refuse(self.at(key), f"it is {_kind(value)}, not a text")
        return str(value).strip()

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value.

        Raises:
            StackError: it is none.
        """
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise refuse(self.at(key), f"{value!r} is neither true nor false")
        return value

    def choice(self, key: str, choices: Iterable[str]) -> str | None:
        """One of some words, or None.

        Raises:
            StackError: it is another one.
        """
        value = self.raw(key)
        if value is not None and value not in choices:
            raise refuse(self.at(key), "{!r} is none of {}".format(value, ", ".join(choices)))
        return None if value is None else str(value)

    def number(self, key: str) -> Fraction:
        """A number, exactly as written.

        Raises:
            StackError: it is missing or none.
        """
        value = self.raw(key)
        if value is None:
            raise refuse(self.where, f"it has no {key}")
        try:
            return exact(value)
        except (ValueError, ZeroDivisionError):
            raise refuse(self.at(key), f"{value!r} is not a number") from None

    def count(self, key: str) -> int:
        """A whole number, 0 or more.

        Raises:
            StackError: it is none.
        """
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise refuse(self.at(key), f"{value!r} is not a whole number")
        return value

    def duration(self, key: str, default: int | None = None) -> int:
        """A duration in seconds.

        Raises:
            StackError: it is missing without a default, or none.
        """
        value = self.raw(key)
        if value is None:
            if default is None:
                raise refuse(self.where, f"it has no {key}")
            return default
        try:
            return seconds_of(value)
        except ValueError as error:
            raise refuse(self.at(key), str(error)) from None

    def node(self, key: str) -> Node:
        """A mapping within; empty when there is none."""
        return Node(self.raw(key), self.at(key))

    def items(self, key: str) -> list[Node]:
        """The mappings of a list.

        Raises:
            StackError: it is no list, or an empty one.
        """
        value = self.raw(key)
        if not isinstance(value, list) or not value:
            raise refuse(self.where, f"{key} is not a list with anything in it")
        return [Node(one, f"number {number} of {key} of {self.where}") for number, one in enumerate(value, 1)]

    def labels(self, key: str, *, reserved: bool = True) -> dict[str, str]:
        """Labels or annotations: texts by name.

        Raises:
            StackError: a value is no text, or a label is one that the rules need.
        """
        value = self.raw(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise refuse(self.at(key), f"it is {_kind(value)}, not a mapping")
        found = {}
        for name, one in value.items():
            if isinstance(one, (Mapping, list)) or one is None:
                raise refuse(self.at(key), f"{name} is {_kind(one)}, not a text")
            if reserved:
                check_label(str(name), self.at(key))
            # As YAML writes it: true, not Python's True.
            found[str(name)] = str(one).lower() if isinstance(one, bool) else str(one)
        return found

    def finish(self) -> None:
        """Refuse what nobody asked for: a key with a typing error would be passed over in silence.

        Raises:
            StackError: naming it, and what was probably meant.
        """
        for key in self._value:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), sorted(self._asked), n=1)
                hint = f"Did you mean {near[0]}?" if near else "Known: {}.".format(", ".join(sorted(self._asked)))
                raise refuse(self.where, f"it has an unknown key {key!r}", hint)


def check_label(name: str, where: str) -> None:
    """Refuse a label that the rules set themselves.

    Raises:
        StackError: it is one.
    """
    if name in RESERVED_LABELS:
        raise refuse(
            where,
            f"{name} is a label that the rules set themselves",
            "Rules find each other by it: with another value they would stop to. Choose another name.",
        )
    if not name or name.startswith("__"):
        raise refuse(where, f"{name!r} cannot be the name of a label")


def _kind(value: Any) -> str:
    names = {bool: "a truth value", list: "a list", dict: "a mapping", str: "a text"}
    names.update({int: "a number", float: "a number"})
    return "empty" if value is None else names.get(type(value), type(value).__name__)
